import { type Command, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { CommandFailure, EXIT, usageFailure } from "../command-failure.ts";
import { eventsOf, followGeneration, type GenerationEvent } from "../images/follow-generation.ts";
import { deliver, OUTPUT_OPTIONS, refuseFailed } from "../images/make-images.ts";
import { OutputFiles } from "../images/output-files.ts";
import { showGeneration } from "../images/show-generation.ts";
import { printable } from "../printable.ts";

export const watch: Command = {
  summary: "Follow a generation until it ends, or all generations",
  usage: "[ID] [options]",
  arguments: [0, 1],
  options: { ...OUTPUT_OPTIONS, ...PROJECT_OPTION, ...JSON_OPTION },
  details: [
    "Without an ID, prints the events of all your generations from now on, until Ctrl-C. With -o, saves the images of the generation when it has ended. With --json, prints a line for each event.",
  ],
  examples: ["pictograph watch gen_01m8nn8b6ae8jv5a5d8v9x9ja6 -o fox.png", "pictograph watch --json"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    const [id] = flags.arguments;
    const output = flags.text("output");
    const isJson = flags.isSet("json");
    if (id === undefined && output !== undefined) throw usageFailure("-o needs the ID of a generation");
    await using connection = context.connect();
    if (id !== undefined) {
      const files = output === undefined ? undefined : await OutputFiles.open(output, flags.isSet("force"));
      terminal.progress("Connecting");
      const onEvent = isJson ? { onEvent: (event: GenerationEvent) => terminal.json(event) } : {};
      const generation = await followGeneration(context, connection, id, onEvent);
      terminal.endProgress();
      if (files) return deliver(context, connection, generation, files);
      if (!isJson) showGeneration(terminal, generation);
      return refuseFailed(generation);
    }
    terminal.progress("Waiting for events");
    const signal = AbortSignal.any([interrupted, terminal.readerGone]);
    try {
      for await (const event of eventsOf(connection, undefined, context, signal)) {
        if (isJson) terminal.json(event);
        else terminal.data(toLine(event));
      }
    } catch (error) {
      if (terminal.readerGone.aborted) return;
      if (interrupted.aborted) throw new CommandFailure("", EXIT.interrupted);
      throw error;
    }
  },
};

function toLine(event: GenerationEvent): string {
  const time = new Date().toISOString();
  switch (event.__typename) {
    case "GenerationStatusChanged":
      return [time, event.generation.id, event.generation.status].map((cell) => printable(cell)).join("\t");
    case "ImageReady":
      return [time, event.generation.id, "IMAGE", event.image.id].map((cell) => printable(cell)).join("\t");
    case "PartialImageReady":
      return [time, printable(event.generation.id), "PREVIEW", event.imageIndex, event.partialIndex].join("\t");
    default:
      return `${time}\t${printable((event satisfies never as GenerationEvent).__typename)}`;
  }
}
