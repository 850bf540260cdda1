import { BUDGET_FIELDS, BUDGET_OPTION, type CliBudget, readLimits, toBudgetText } from "../budget-flag.ts";
import { type Command, type CommandContext, JSON_OPTION } from "../command.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { toWhen } from "../generation.ts";
import { nodesOf, type Page } from "../pages.ts";
import { printable } from "../printable.ts";

const FIELDS = `id name prefix isDisabled createdAt expiresAt revokedAt lastUsedAt ${BUDGET_FIELDS}`;
const CONNECTION = `apiKeys(first: 100, after: $after) { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } }`;
const LIST_OF = `query ($id: ID!, $after: String) { project(id: $id) { ${CONNECTION} } }`;
const LIST = `query ($after: String) { viewer { project { ${CONNECTION} } } }`;
const CREATE = `mutation ($input: CreateApiKeyInput!) { created: createApiKey(input: $input) { token apiKey { ${FIELDS} } } }`;
const ROTATE = `mutation ($id: ID!, $overlapSeconds: Int) {
  created: rotateApiKey(id: $id, overlapSeconds: $overlapSeconds) { token apiKey { ${FIELDS} } }
}`;
const REVOKE = `mutation ($id: ID!) { revoked: revokeApiKey(id: $id) { ${FIELDS} } }`;

const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 2_592_000;

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly isDisabled: boolean;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly budgets: readonly CliBudget[];
}

interface ApiKeys {
  readonly apiKeys: Page<ApiKey>;
}

const USAGE = "[create NAME | rotate ID | revoke ID] [options]";

export const keys: Command = {
  summary: "List, create, rotate and revoke API keys; for the admin key",
  usage: USAGE,
  arguments: [0, 2],
  options: {
    project: { value: "ID", description: "the project of the keys (default: your own)" },
    expires: { value: "MOMENT", description: "create: when it ends, such as 2027-01-01" },
    overlap: { value: "SECONDS", description: "rotate: how long earlier tokens work (default: one day)" },
    ...BUDGET_OPTION,
    ...JSON_OPTION,
  },
  details: [
    "PICTOGRAPH_API_KEY must be the gateway's admin key. create and rotate print the token of the key. It cannot be read again.",
  ],
  examples: [
    "pictograph keys --project proj_01m8nn8b6ae8jv5a5d8v9x9ja6",
    "pictograph keys create website --project proj_01m8nn8b6ae8jv5a5d8v9x9ja6 --budget day=5",
    "pictograph keys rotate key_01m8nn8b6ae8jv5a5d8v9x9ja6",
  ],
  async run(context) {
    const [action, subject] = context.flags.arguments;
    if (action === undefined) return listKeys(context);
    if (subject !== undefined && action === "create") return createKey(context, subject);
    if (subject !== undefined && action === "rotate") return rotateKey(context, subject);
    if (subject !== undefined && action === "revoke") return revokeKey(context, subject);
    throw usageFailure(`an argument is missing or wrong: pictograph keys ${USAGE}`);
  },
};

async function listKeys({ connect, flags, terminal, interrupted }: CommandContext): Promise<void> {
  const id = flags.text("project");
  await using connection = connect();
  const readPage = async (after: string | null) => {
    const document = id === undefined ? LIST : LIST_OF;
    const variables = id === undefined ? { after } : { id, after };
    const answer = await connection.client.run<{ project?: ApiKeys | null; viewer?: { project: ApiKeys } }>(
      document,
      variables,
      { signal: interrupted },
    );
    const project = answer.viewer?.project ?? answer.project;
    if (project) return project.apiKeys;
    throw new CommandFailure(`there is no project ${printable(id ?? "", 60)}; \`pictograph projects\` lists them`);
  };
  const rows: string[][] = [];
  for await (const key of nodesOf(readPage)) {
    if (flags.isSet("json")) terminal.json(key);
    else rows.push(toRow(key, terminal.isForPeople));
    if (terminal.readerGone.aborted) return;
  }
  if (flags.isSet("json")) return;
  if (rows.length > 0) terminal.table(["ID", "TOKEN", "STATE", "LAST USED", "NAME", "BUDGETS"], rows);
  else terminal.remark("There are no API keys.");
}

async function createKey(context: CommandContext, name: string): Promise<void> {
  const { flags } = context;
  const projectId = flags.text("project");
  if (projectId === undefined) throw usageFailure("--project is missing: name the project that the key belongs to");
  const expires = flags.text("expires");
  const expiresAt = expires === undefined ? undefined : new Date(expires);
  if (expiresAt && Number.isNaN(expiresAt.getTime())) throw usageFailure("--expires must be a day such as 2027-01-01");
  const input = { projectId, name, ...(expiresAt && { expiresAt: expiresAt.toISOString() }), ...readLimits(flags) };
  await printToken(context, CREATE, { input });
}

async function rotateKey(context: CommandContext, id: string): Promise<void> {
  const overlapSeconds = context.flags.wholeNumber("overlap", 0, MAX_OVERLAP_SECONDS) ?? DEFAULT_OVERLAP_SECONDS;
  await printToken(context, ROTATE, { id, overlapSeconds });
}

async function printToken(
  { connect, flags, terminal, interrupted }: CommandContext,
  document: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<void> {
  await using connection = connect();
  const { created } = await connection.client.run<{ created: { token: string; apiKey: ApiKey } }>(document, variables, {
    signal: interrupted,
  });
  if (flags.isSet("json")) {
    terminal.json(created);
    return;
  }
  terminal.data(printable(created.token));
  terminal.remark(
    terminal.style("dim", `Keep this token of ${printable(created.apiKey.id)}: it cannot be read again.`),
  );
}

async function revokeKey({ connect, flags, terminal, interrupted }: CommandContext, id: string): Promise<void> {
  await using connection = connect();
  const { revoked } = await connection.client.run<{ revoked: ApiKey }>(REVOKE, { id }, { signal: interrupted });
  if (flags.isSet("json")) terminal.json(revoked);
  else terminal.data(printable(revoked.id));
}

function toRow(
  { id, name, prefix, isDisabled, revokedAt, lastUsedAt, budgets }: ApiKey,
  isForPeople: boolean,
): string[] {
  const state = revokedAt !== null ? "revoked" : isDisabled ? "disabled" : "active";
  const used = lastUsedAt === null ? "never" : toWhen(lastUsedAt, isForPeople);
  return [printable(id, 40), `${printable(prefix, 20)}…`, state, used, printable(name, 100), toBudgetText(budgets)];
}
