import type { BudgetLimit } from "../../../src/ports/projects/projects.ts";

const ADMIN_KEY = "the-admin-key-of-a-run-with-32-characters";

/** A project with a key for sending orders, and the budgets of both. */
export interface ChaosProject {
  readonly projectId: string;
  readonly apiKeyId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly budgets: ReadonlyMap<string, readonly BudgetLimit[]>;
}

/** The callers of a run: the admin, and the keys of projects. */
export const KEYED_ENV = { PICTOGRAPH_ADMIN_KEY: ADMIN_KEY };
export const ADMIN_HEADERS = { Authorization: `Bearer ${ADMIN_KEY}` };

interface Plan {
  readonly ofProject: readonly BudgetLimit[];
  readonly ofKey: readonly BudgetLimit[];
}

/** Two projects hold whatever a run requests. Two are soon used up: one by the project's budget, one by the key's. */
const PLANS: readonly Plan[] = [
  { ofProject: [{ window: "DAY", limitUsd: "10000" }], ofKey: [{ window: "MONTH", limitUsd: "10000" }] },
  { ofProject: [{ window: "WEEK", limitImages: 1_000_000 }], ofKey: [{ window: "TOTAL", limitUsd: "10000" }] },
  { ofProject: [{ window: "TOTAL", limitImages: 3 }], ofKey: [{ window: "DAY", limitUsd: "10000" }] },
  { ofProject: [{ window: "MONTH", limitUsd: "10000" }], ofKey: [{ window: "DAY", limitUsd: "0.6" }] },
];

const CREATE_PROJECT = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }";
const CREATE_KEY = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token apiKey { id } } }";

export async function createProjects(url: string): Promise<readonly ChaosProject[]> {
  return Promise.all(PLANS.map((plan) => createProject(url, plan)));
}

async function createProject(url: string, { ofProject, ofKey }: Plan): Promise<ChaosProject> {
  const ask = async (query: string, input: object) => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...ADMIN_HEADERS },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { data, errors } = (await response.json()) as CreationAnswer;
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const { createProject } = await ask(CREATE_PROJECT, { name: "chaos", limits: { budgets: ofProject } });
  const projectId = createProject?.id ?? "";
  const { createApiKey } = await ask(CREATE_KEY, { projectId, name: "chaos", limits: { budgets: ofKey } });
  const apiKeyId = createApiKey?.apiKey.id ?? "";
  return {
    projectId,
    apiKeyId,
    headers: { Authorization: `Bearer ${createApiKey?.token}` },
    budgets: new Map([
      [projectId, ofProject],
      [apiKeyId, ofKey],
    ]),
  };
}

interface CreationAnswer {
  readonly data: {
    readonly createProject?: { readonly id: string };
    readonly createApiKey?: { readonly token: string; readonly apiKey: { readonly id: string } };
  };
  readonly errors?: unknown;
}
