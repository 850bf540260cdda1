import { type Command, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { printable } from "../printable.ts";

const DOCUMENT = "mutation ($id: ID!) { cancelGeneration(id: $id) { id status } }";
const MAX_IDS = 100;

export const cancel: Command = {
  summary: "Cancel generations",
  usage: "ID... [options]",
  arguments: [1, MAX_IDS],
  options: { ...PROJECT_OPTION, ...JSON_OPTION },
  details: [
    "Prints each ID with its status. A generation that has ended does not change. A running one may be billed by the provider.",
  ],
  examples: ["pictograph cancel gen_01m8nn8b6ae8jv5a5d8v9x9ja6"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    await using connection = context.connect();
    for (const id of flags.arguments) {
      const { cancelGeneration: canceled } = await connection.client.run<{
        cancelGeneration: { id: string; status: string };
      }>(DOCUMENT, { id }, { signal: interrupted });
      if (flags.isSet("json")) terminal.json(canceled);
      else terminal.data(`${printable(canceled.id)}\t${printable(canceled.status)}`);
    }
  },
};
