import { type Command, PROJECT_OPTION } from "../command.ts";
import { printable } from "../printable.ts";

const DOCUMENT = "mutation ($id: ID!) { deleteGeneration(id: $id) }";
const MAX_IDS = 100;

export const deleteGenerations: Command = {
  summary: "Delete generations with their images",
  usage: "ID... [options]",
  arguments: [1, MAX_IDS],
  options: PROJECT_OPTION,
  details: ["Prints each ID that was deleted. A generation that has not ended is canceled first."],
  examples: ["pictograph delete gen_01m8nn8b6ae8jv5a5d8v9x9ja6"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    await using connection = context.connect();
    for (const id of flags.arguments) {
      const answer = await connection.client.run<{ deleteGeneration: string }>(
        DOCUMENT,
        { id },
        { signal: interrupted },
      );
      terminal.data(printable(answer.deleteGeneration));
    }
  },
};
