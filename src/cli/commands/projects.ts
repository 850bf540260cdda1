import { BUDGET_FIELDS, BUDGET_OPTION, type CliBudget, readLimits, toBudgetText } from "../budget-flag.ts";
import { type Command, type CommandContext, JSON_OPTION } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { toWhen } from "../generation.ts";
import { nodesOf, type Page } from "../pages.ts";
import { printable } from "../printable.ts";

const FIELDS = `id name isDisabled createdAt ${BUDGET_FIELDS}`;
const LIST = `query ($after: String) {
  projects(first: 100, after: $after) { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } }
}`;
const CREATE = `mutation ($input: CreateProjectInput!) { project: createProject(input: $input) { ${FIELDS} } }`;
const UPDATE = `mutation ($input: UpdateProjectInput!) { project: updateProject(input: $input) { ${FIELDS} } }`;

interface Project {
  readonly id: string;
  readonly name: string;
  readonly isDisabled: boolean;
  readonly createdAt: string;
  readonly budgets: readonly CliBudget[];
}

const USAGE = "[create NAME | update ID] [options]";

export const projects: Command = {
  summary: "List, create and change projects; for the admin key",
  usage: USAGE,
  arguments: [0, 2],
  options: {
    name: { value: "NAME", description: "update: its new name" },
    disable: { description: "update: refuse its API keys" },
    enable: { description: "update: accept them again" },
    ...BUDGET_OPTION,
    ...JSON_OPTION,
  },
  details: ["PICTOGRAPH_API_KEY must be the gateway's admin key."],
  examples: [
    "pictograph projects",
    "pictograph projects create shop --budget month=50",
    "pictograph projects update proj_01m8nn8b6ae8jv5a5d8v9x9ja6 --disable",
  ],
  async run(context) {
    const [action, subject] = context.flags.arguments;
    if (action === undefined) return listProjects(context);
    if (subject === undefined || (action !== "create" && action !== "update")) {
      throw usageFailure(`an argument is missing or wrong: pictograph projects ${USAGE}`);
    }
    await changeProject(context, action, subject);
  },
};

async function listProjects({ connect, flags, terminal, interrupted }: CommandContext): Promise<void> {
  await using connection = connect();
  const readPage = async (after: string | null) => {
    const answer = await connection.client.run<{ projects: Page<Project> }>(LIST, { after }, { signal: interrupted });
    return answer.projects;
  };
  const rows: string[][] = [];
  for await (const project of nodesOf(readPage)) {
    if (flags.isSet("json")) terminal.json(project);
    else rows.push(toRow(project, terminal.isForPeople));
    if (terminal.readerGone.aborted) return;
  }
  if (!flags.isSet("json")) terminal.table(["ID", "STATE", "CREATED", "NAME", "BUDGETS"], rows);
}

async function changeProject(
  { connect, flags, terminal, interrupted }: CommandContext,
  action: "create" | "update",
  subject: string,
): Promise<void> {
  const [isDisable, isEnable] = [flags.isSet("disable"), flags.isSet("enable")];
  const name = flags.text("name");
  if (isDisable && isEnable) throw usageFailure("give --disable or --enable, not both");
  if (action === "create" && (isDisable || isEnable || name !== undefined)) {
    throw usageFailure("--name, --disable and --enable belong to pictograph projects update");
  }
  const changes = {
    ...(name !== undefined && { name }),
    ...((isDisable || isEnable) && { isDisabled: isDisable }),
    ...readLimits(flags),
  };
  if (action === "update" && Object.keys(changes).length === 0) {
    throw usageFailure("nothing to change: give --name, --disable, --enable or --budget");
  }
  const input = { ...(action === "create" ? { name: subject } : { id: subject }), ...changes };
  await using connection = connect();
  const document = action === "create" ? CREATE : UPDATE;
  const { project } = await connection.client.run<{ project: Project }>(document, { input }, { signal: interrupted });
  if (flags.isSet("json")) terminal.json(project);
  else terminal.data(printable(project.id));
}

function toRow({ id, name, isDisabled, createdAt, budgets }: Project, isForPeople: boolean): string[] {
  return [
    printable(id, 40),
    isDisabled ? "disabled" : "active",
    toWhen(createdAt, isForPeople),
    printable(name, 100),
    toBudgetText(budgets),
  ];
}
