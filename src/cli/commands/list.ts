import { type Command, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { type CliGeneration, GENERATION_FIELDS, toWhen } from "../generation.ts";
import { nodesOf, type Page } from "../pages.ts";
import { printable } from "../printable.ts";

const DOCUMENT = `query ($filter: GenerationFilter, $first: Int, $after: String) {
  generations(filter: $filter, first: $first, after: $after) {
    nodes { ${GENERATION_FIELDS} }
    pageInfo { hasNextPage endCursor }
  }
}`;
const STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"] as const;
const DEFAULT_COUNT = 20;
const MAX_COUNT = 10_000;
const PAGE = 50;
const MAX_PROMPT = 200;

interface Answer {
  readonly generations: Page<CliGeneration>;
}

export const list: Command = {
  summary: "List your generations, newest first",
  usage: "[options]",
  arguments: [0, 0],
  options: {
    n: { short: "n", value: "NUMBER", description: `how many: 1 to ${MAX_COUNT} (default: ${DEFAULT_COUNT})` },
    status: { value: "STATUS", description: "queued, running, succeeded, failed or canceled" },
    search: { value: "WORDS", description: "words of the prompt" },
    model: { short: "m", value: "NAME", description: "only of this model" },
    ...PROJECT_OPTION,
    ...JSON_OPTION,
  },
  examples: ["pictograph list --search fox -n 5", "pictograph list --status failed --json"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    const filter = {
      status: flags.oneOf("status", STATUSES),
      search: flags.text("search"),
      model: flags.text("model"),
    };
    const count = flags.wholeNumber("n", 1, MAX_COUNT) ?? DEFAULT_COUNT;
    await using connection = context.connect();
    const readPage = async (after: string | null) => {
      const variables = { filter, first: Math.min(count, PAGE), after };
      const answer = await connection.client.run<Answer>(DOCUMENT, variables, { signal: interrupted });
      return answer.generations;
    };
    const rows: string[][] = [];
    let listed = 0;
    for await (const generation of nodesOf(readPage)) {
      if (flags.isSet("json")) terminal.json(generation);
      else rows.push(toRow(generation, terminal.isForPeople));
      if (++listed === count || terminal.readerGone.aborted) break;
    }
    if (rows.length > 0) terminal.table(["ID", "STATUS", "CREATED", "IMAGES", "MODEL", "PROMPT"], rows);
    else if (!flags.isSet("json")) terminal.remark("There are no generations.");
  },
};

function toRow(
  { id, status, createdAt, n, requestedSize, model, prompt }: CliGeneration,
  isForPeople: boolean,
): string[] {
  const images = `${n} × ${printable(requestedSize, 20)}`;
  return [
    printable(id, 40),
    printable(status, 20),
    toWhen(createdAt, isForPeople),
    images,
    printable(model.id, 60),
    printable(prompt, MAX_PROMPT),
  ];
}
