import { type Command, JSON_OPTION } from "../command.ts";
import { printable } from "../printable.ts";

const DOCUMENT = `{
  models {
    id provider isDefault operations maxImages sizes
    sizeBounds { multipleOf minSide maxLongSide minPixels maxPixels }
    formats qualities backgrounds hasSeed hasMask maxInputImages maxPromptLength streams maxPartialImages
    price { from source perImage perMillionTokens { textInput imageInput textOutput imageOutput } }
    shutdownDate replacement warnings { code message }
  }
}`;

interface Model {
  readonly id: string;
  readonly provider: string;
  readonly isDefault: boolean;
  readonly operations: readonly string[];
  readonly maxImages: number;
  readonly shutdownDate: string | null;
  readonly replacement: string | null;
}

export const models: Command = {
  summary: "List the models that can be used",
  usage: "[options]",
  arguments: [0, 0],
  options: JSON_OPTION,
  examples: ["pictograph models", "pictograph models --json"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    await using connection = context.connect();
    const { models: found } = await connection.client.run<{ models: readonly Model[] }>(
      DOCUMENT,
      {},
      {
        signal: interrupted,
      },
    );
    if (flags.isSet("json")) for (const model of found) terminal.json(model);
    else terminal.table(["MODEL", "PROVIDER", "DOES", "IMAGES", "NOTE"], found.map(toRow));
  },
};

function toRow({ id, provider, isDefault, operations, maxImages, shutdownDate, replacement }: Model): string[] {
  const end =
    shutdownDate === null ? "" : `until ${shutdownDate}${replacement === null ? "" : `, then ${replacement}`}`;
  const note = [isDefault ? "default" : "", end].filter(Boolean).join(", ");
  const does = operations.join(", ").toLowerCase();
  return [printable(id, 60), printable(provider, 40), printable(does, 40), String(maxImages), printable(note)];
}
