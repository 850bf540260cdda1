/** The number of simultaneous requests in a rush. */
export const RUSH = 500;
/** The number of images that the budget covers. Each request asks for one. */
export const RUSH_BUDGET = 10;

/** The outcome of a rush. */
export interface RushFacts {
  readonly accepted: number;
  readonly refused: number;
  /** The number of other answers, by code. Empty if everything is right. */
  readonly others: Readonly<Record<string, number>>;
  /** Images that the budget counts as spent and as held. */
  readonly spentImages: number;
  readonly heldImages: number;
}

const CREATE_PROJECT = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }";
const CREATE_KEY = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }";
const GENERATE = `mutation ($prompt: String!) {
  generateImages(input: { prompt: $prompt, size: "64x64", waitSeconds: 120 }) { status } }`;
const BUDGETS = "{ viewer { budgets { spentImages heldImages } } }";

/**
 * Sends {@link RUSH} simultaneous requests, in turn to each of these gateways, against the budget of a new project that
 * covers {@link RUSH_BUDGET} of them. The project's key also has a budget in dollars, which is large enough.
 * @param urls of gateways that share their records
 */
export async function rush(urls: readonly [string, ...string[]], adminKey: string): Promise<RushFacts> {
  const [first] = urls;
  const create = async (query: string, input: object) => (await ask(first, adminKey, query, { input })).data;
  const ofProject = { budgets: [{ window: "DAY", limitImages: RUSH_BUDGET }] };
  const { createProject } = await create(CREATE_PROJECT, { name: "a rush", limits: ofProject });
  const limits = { budgets: [{ window: "TOTAL", limitUsd: "1000" }] };
  const { createApiKey } = await create(CREATE_KEY, { projectId: createProject.id, name: "a rush", limits });
  const { token } = createApiKey;
  const answers = await Promise.all(
    Array.from({ length: RUSH }, (_, i) =>
      ask(urls[i % urls.length] ?? first, token, GENERATE, { prompt: `fox ${i}` }),
    ),
  );
  const codes = answers.map(({ data, errors }) => errors?.[0]?.extensions.code ?? data.generateImages.status);
  const others = codes.filter((code) => code !== "SUCCEEDED" && code !== "BUDGET_EXCEEDED");
  const { viewer } = (await ask(first, token, BUDGETS, {})).data;
  return {
    accepted: codes.filter((code) => code === "SUCCEEDED").length,
    refused: codes.filter((code) => code === "BUDGET_EXCEEDED").length,
    others: Object.fromEntries([...Map.groupBy(others, String)].map(([code, all]) => [code, all.length])),
    ...viewer.budgets[0],
  };
}

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each operation reads what it asked for
  readonly data: any;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

async function ask(url: string, token: string, query: string, variables: object): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}
