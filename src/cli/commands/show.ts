import { type Command, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { readGeneration } from "../images/follow-generation.ts";
import { deliver, OUTPUT_OPTIONS } from "../images/make-images.ts";
import { OutputFiles } from "../images/output-files.ts";
import { showGeneration } from "../images/show-generation.ts";

export const show: Command = {
  summary: "Show a generation, or save its images",
  usage: "ID [options]",
  arguments: [1, 1],
  options: { ...OUTPUT_OPTIONS, ...PROJECT_OPTION, ...JSON_OPTION },
  details: ["With -o, saves the images that the generation has, and prints their paths."],
  examples: [
    "pictograph show gen_01m8nn8b6ae8jv5a5d8v9x9ja6",
    "pictograph show gen_01m8nn8b6ae8jv5a5d8v9x9ja6 -o fox.png",
  ],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    const [id = ""] = flags.arguments;
    const output = flags.text("output");
    const files = output === undefined ? undefined : await OutputFiles.open(output, flags.isSet("force"));
    await using connection = context.connect();
    const generation = await readGeneration(connection, id, interrupted);
    if (files) {
      await files.checkFree(generation.n, generation.format);
      await deliver(context, connection, generation, files);
    } else if (flags.isSet("json")) {
      terminal.json(generation);
    } else {
      showGeneration(terminal, generation);
    }
  },
};
