import type { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { GATEWAY, type Measured, MeasuredProcess } from "../processes/measured-process.ts";
import { startLiteLLM } from "./litellm.ts";
import { MODEL, type PictureKind, PROVIDER_KEY } from "./pictures.ts";
import { post } from "./post.ts";

/** The measured programs: four routes of the gateway, and those that they are compared with. */
export const CONTESTANTS = [
  "floor",
  "/get-image",
  "generateImages",
  "/v1 URLs",
  "/v1 base64",
  "shim",
  "shim base64",
  "LiteLLM",
] as const;
export type Contestant = (typeof CONTESTANTS)[number];

/** The routes of the gateway, each with the programs that it is compared with besides the floor. */
export const OWN: ReadonlyMap<Contestant, readonly Contestant[]> = new Map([
  ["/get-image", ["shim"]],
  ["generateImages", ["shim"]],
  ["/v1 URLs", ["shim"]],
  ["/v1 base64", ["shim base64", "LiteLLM"]],
]);

const FLOOR = [fileURLToPath(new URL("./floor.ts", import.meta.url))];
const SHIM = [fileURLToPath(new URL("./shim.ts", import.meta.url))];

/** Starts a contestant in a process of its own; `undefined` when this machine does not have it. */
export async function startContestant(
  contestant: Contestant,
  providerUrl: string,
  maxConcurrency: number,
): Promise<Measured | undefined> {
  if (contestant === "LiteLLM") return startLiteLLM(providerUrl);
  const command = contestant === "floor" ? FLOOR : contestant.startsWith("shim") ? SHIM : GATEWAY;
  return MeasuredProcess.start(command, {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: PROVIDER_KEY,
      PICTOGRAPH_DAILY_BUDGET_USD: "none",
      PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
      OPENAI_BASE_URL: `${providerUrl}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: String(maxConcurrency),
    },
  });
}

const MUTATION = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id status images { url width height sha256 } failure { code message } }
}`;

/**
 * Makes a contestant generate `n` images.
 *
 * @throws Error unless every image, or its URL, comes back
 */
export async function order(
  contestant: Contestant,
  url: string,
  agent: Agent,
  { label, side, base64Length }: PictureKind & { readonly base64Length: number },
  n: number,
): Promise<void> {
  const [prompt, size] = [label, `${side}x${side}`];
  const openAI = { model: MODEL, prompt, n, size };
  switch (contestant) {
    case "generateImages": {
      const variables = { input: { prompt, n, size } };
      return expect(await post(`${url}/graphql`, { query: MUTATION, variables }, agent), /"url":/g, n);
    }
    case "/v1 URLs": {
      const body = { ...openAI, response_format: "url" };
      return expect(await post(`${url}/v1/images/generations`, body, agent), /"url":/g, n);
    }
    case "/v1 base64":
    case "shim base64":
    case "LiteLLM": {
      const { text, byteCount } = await post(`${url}/v1/images/generations`, openAI, agent, PROVIDER_KEY);
      if (byteCount < n * base64Length) throw new Error(`${contestant} answered ${text.slice(0, 1000)}`);
      return;
    }
    case "floor":
    case "/get-image":
    case "shim":
      return expect(await post(`${url}/get-image`, { prompt, n: String(n), size }, agent), /http:[^"]+\.png/g, n);
    default:
      contestant satisfies never;
  }
}

function expect({ text }: { readonly text: string }, pattern: RegExp, count: number): void {
  if (text.match(pattern)?.length !== count) throw new Error(`the answer is ${text.slice(0, 1000)}`);
}
