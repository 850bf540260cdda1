import type { Config } from "../config.ts";
import type { ModelsFile } from "../wiring/models-file.ts";
import { type Finding, ok, problem, type RemoteFinding, warning } from "./finding.ts";

const NAME = "provider";
const OPENAI_URL = "https://api.openai.com/v1";
const ANSWER_TIMEOUT_MS = 10_000;
/** The most of a list of models that is read, in bytes. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** Asks the provider for its models, which costs nothing and shows whether the key works. */
export async function checkProvider(config: Config, models: ModelsFile | undefined): Promise<RemoteFinding> {
  const { openai, defaultModel } = config;
  if (!openai) return { finding: ok(NAME, withoutOpenAI(models)) };
  const baseUrl = (openai.baseUrl ?? OPENAI_URL).replace(/\/$/, "");
  let response: Response;
  try {
    response = await fetch(`${baseUrl}/models`, {
      headers: { Authorization: `Bearer ${openai.apiKey}` },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      redirect: "manual",
    });
  } catch (error) {
    const { cause, name } = error as Error;
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
    return {
      finding: problem(
        NAME,
        `${baseUrl} cannot be reached (${reason})`,
        "check the network, or correct OPENAI_BASE_URL",
      ),
    };
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  const remoteTime = { source: "the provider", time: new Date(date), readAt: new Date() };
  const finding = await judge(response, baseUrl, defaultModel);
  return { finding, ...(!Number.isNaN(date) && { remoteTime }) };
}

function withoutOpenAI(models: ModelsFile | undefined): string {
  const names = models
    ? [...models.providers.map(({ name }) => name), ...(models.aiSdk.length > 0 ? ["ai-sdk"] : [])]
    : [];
  if (names.length === 0) return "no OPENAI_API_KEY: the built-in illustrator draws";
  return `no OPENAI_API_KEY; the providers of the models file are not asked: ${names.join(", ")}`;
}

async function judge(response: Response, baseUrl: string, defaultModel: string): Promise<Finding> {
  const { status } = response;
  if (status === 401 || status === 403) {
    return problem(NAME, `${baseUrl} refuses the key (status ${status})`, "set OPENAI_API_KEY to a valid key");
  }
  if (status === 404) {
    return warning(
      NAME,
      `${baseUrl} has no list of models`,
      "check that OPENAI_BASE_URL ends as the server's paths do, often in /v1",
    );
  }
  if (status !== 200) {
    return problem(NAME, `${baseUrl}/models answers with status ${status}`, "ask the provider, or try again later");
  }
  const ids = await readModelIds(response).catch(() => undefined);
  if (!ids) return warning(NAME, `${baseUrl} sends no list of models that can be read`, "check OPENAI_BASE_URL");
  if (!ids.includes(defaultModel)) {
    return warning(
      NAME,
      `${baseUrl} accepts the key, but does not list ${defaultModel}`,
      "set PICTOGRAPH_DEFAULT_MODEL to a model that it lists",
    );
  }
  return ok(NAME, `${baseUrl} accepts the key and has ${defaultModel}`);
}

async function readModelIds(response: Response): Promise<readonly string[] | undefined> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of response.body ?? []) {
    byteCount += chunk.byteLength;
    if (byteCount > MAX_LIST_BYTES) return undefined;
    chunks.push(chunk);
  }
  const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data?: unknown };
  return Array.isArray(data) ? data.map((model) => String(model?.id)) : undefined;
}
