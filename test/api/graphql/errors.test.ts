import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { GraphQLBody } from "../../support/gateways/gateway.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

const SECRET = "a secret that no client may read";
const GENERATE = 'mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images { id url } } }';

let gateway: ScriptedGateway;
let isBroken = false;
const logLines: string[] = [];

beforeAll(async () => {
  const options: GatewayOptions = {
    logger: pino({}, { write: (line: string) => void logLines.push(line) }),
    // Nearly every resolver reads the time, so a broken clock breaks resolvers.
    now: () => {
      if (isBroken) throw new Error(SECRET);
      return new Date();
    },
  };
  gateway = await startScriptedGateway(options, [{ ...ANY_SIZE_MODEL, shutdownDate: "9999-12-31" }]);
});

afterAll(() => gateway.close());

beforeEach(() => {
  isBroken = false;
  logLines.length = 0;
});

async function askBroken(query: string, variables: object): Promise<GraphQLBody> {
  isBroken = true;
  const { body } = await gateway.graphql(query, variables);
  isBroken = false;
  return body;
}

describe("an unexpected error in a resolver", () => {
  test.each<[string, string, readonly (string | number)[]]>([
    ["of a query", "{ models { id } }", ["models"]],
    ["of a mutation", GENERATE, ["generateImages"]],
  ])("%s is masked, logged once, and can be found by its request id", async (_case, query, path) => {
    const body = await askBroken(query, {});

    expect(body).toEqual({
      data: null,
      errors: [
        {
          message: "an internal error occurred; the operator can find it in the log by the request id",
          locations: expect.any(Array),
          path,
          extensions: { code: "INTERNAL", requestId: expect.stringMatching(/^req_[0-9a-z]{26}$/) },
        },
      ],
    });
    // Maintenance may run at the same time; it logs the clock's error without a request id.
    const explained = logLines.filter((line) => line.includes(SECRET) && "requestId" in JSON.parse(line));
    expect(explained).toEqual([expect.stringContaining(String(body.errors?.[0]?.extensions.requestId))]);
    expect(JSON.parse(explained[0] ?? "")).toMatchObject({ level: 50, err: { message: SECRET } });
  });

  test("of one field leaves the other fields answered", async () => {
    const { body: made } = await gateway.graphql(GENERATE);
    const [{ id }] = made.data.generateImages.images;
    const body = await askBroken("query ($id: ID!) { image(id: $id) { id width } other: image(id: $id) { url } }", {
      id,
    });

    expect(body.data).toEqual({ image: { id, width: 64 }, other: null });
    expect(body.errors).toMatchObject([{ path: ["other", "url"], extensions: { code: "INTERNAL" } }]);
    expect(JSON.stringify(body)).not.toContain("secret");
  });

  test("in several fields is reported for each field, with the same request id", async () => {
    const body = await askBroken("query { a: models { id } b: models { id } }", {});

    expect(JSON.stringify(body)).not.toContain("secret");
    for (const { extensions } of body.errors ?? []) expect(extensions.code).toBe("INTERNAL");
    expect(new Set(body.errors?.map(({ extensions }) => extensions.requestId)).size).toBe(1);
  });
});

test("a client's mistake is not logged as an error", async () => {
  await gateway.graphql('mutation { generateImages(input: { prompt: "" }) { id } }');
  await gateway.graphql("{ nonsense }");
  await gateway.graphql("{");
  await gateway.graphql("query ($id: ID!) { generation(id: $id) { id } }", {});

  expect(logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

test("the log contains neither prompts nor signatures", async () => {
  const prompt = "a very private fox";
  const { body } = await gateway.graphql(
    "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { url } } }",
    { input: { prompt, size: "64x64" } },
  );
  const url: string = body.data.generateImages.images[0].url;
  await fetch(url);
  await fetch(`${url}x`);
  await fetch(`${gateway.url}/get-image`, {
    method: "POST",
    body: new URLSearchParams({ prompt, n: "11", size: "1x1" }),
  });

  const log = logLines.join("");
  expect(logLines.length).toBeGreaterThan(3);
  expect(log).not.toContain("private");
  expect(log).not.toContain("signature");
  expect(log).not.toContain(new URL(url).searchParams.get("signature"));
});

test("a stopping gateway refuses new work and says when to try again", async () => {
  const own = await startScriptedGateway();
  try {
    await own.gateway.drain(0);
    const { body } = await own.graphql(GENERATE);

    expect(body.data).toBeNull();
    expect(body.errors).toMatchObject([
      {
        message: "the gateway is stopping; send the request again",
        extensions: { code: "OVERLOADED", retryAfterSeconds: expect.any(Number) },
      },
    ]);
    expect(own.provider.requests).toEqual([]);
  } finally {
    await own.close();
  }
});
