import { type Command, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { countOf, toDollars } from "../generation.ts";
import { IMAGE_OPTIONS, readImageInput, readPrompt } from "../images/make-images.ts";
import { printable } from "../printable.ts";

const DOCUMENT = `query ($input: GenerateImagesInput!) {
  quote(input: $input) {
    model { id } n generatedSize minCost maxCost basis explanation sources warnings { code message }
  }
}`;

interface Quote {
  readonly model: { readonly id: string };
  readonly n: number;
  readonly generatedSize: string;
  readonly minCost: string | null;
  readonly maxCost: string | null;
  readonly explanation: string;
  readonly warnings: readonly { readonly message: string }[];
}

export const quote: Command = {
  summary: "Say what images would cost, without making them",
  usage: "PROMPT [options]",
  arguments: [1, 1],
  options: { ...IMAGE_OPTIONS, ...PROJECT_OPTION, ...JSON_OPTION },
  details: ["A PROMPT of - is read from stdin."],
  examples: ['pictograph quote "a red fox" -n 4 --size 1536x1024 --quality high'],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    const input = { ...readImageInput(context), prompt: await readPrompt(context) };
    await using connection = context.connect();
    const { quote: found } = await connection.client.run<{ quote: Quote }>(
      DOCUMENT,
      { input },
      { signal: interrupted },
    );
    if (flags.isSet("json")) {
      terminal.json(found);
      return;
    }
    for (const { message } of found.warnings) terminal.warn(printable(message));
    terminal.data(toRange(found));
    terminal.remark(
      `${countOf(found.n, "image")} of ${printable(found.generatedSize)} by ${printable(found.model.id, 60)}. ${printable(found.explanation)}`,
    );
  },
};

function toRange({ minCost, maxCost }: Quote): string {
  if (maxCost === null) return minCost === null ? "unknown" : `at least ${toDollars(minCost)}`;
  return minCost === null || minCost === maxCost
    ? toDollars(maxCost)
    : `${toDollars(minCost)} to ${toDollars(maxCost)}`;
}
