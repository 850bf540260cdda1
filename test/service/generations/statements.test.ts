import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest, ProviderEvent } from "../../../src/ports/image-provider.ts";
import { PUBLIC_PROJECT } from "../../../src/ports/records.ts";
import { type KeyedGateway, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../support/gateways/scripted-provider.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";

const CALLER = { projectId: PUBLIC_PROJECT };
/** Four to accept and start it, and five for its image and its end. None reads it for the waiting client. */
const STATEMENTS = 9;
/** Accepted and started, ended with its image. */
const COMMITS = 2;

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.stop());

async function makeOneImage(): Promise<void> {
  const { images } = gateway.gateway;
  const accepted = await images.submit(CALLER, { prompt: "a lighthouse", size: "64x64" });
  const ended = await images.wait(accepted, 60_000);
  const made = await images.imagesOfEnded(ended);
  expect(ended.status).toBe("SUCCEEDED");
  expect(made).toHaveLength(1);
}

test("a generation of one image takes few statements and commits", async () => {
  await makeOneImage();

  // Maintenance may run beside one of them.
  const counts: { readonly statements: number; readonly commits: number }[] = [];
  for (let round = 0; round < 3; round++) {
    const statements = (await statementsDuring(undefined, makeOneImage)).filter((sql) => !isBeside(sql));
    const inner = statements.filter((sql) => !isBoundary(sql));
    counts.push({ statements: inner.length, commits: countCommits(statements) });
  }
  expect(Math.min(...counts.map(({ statements }) => statements))).toBe(STATEMENTS);
  expect(Math.min(...counts.map(({ commits }) => commits))).toBe(COMMITS);
});

describe("a generation with an API key", () => {
  const PRICED = { ...ANY_SIZE_MODEL, prices: [{ from: "2026-01-01", source: "a test", perImage: "0.01" }] };
  const GENERATE = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 60 }) { status } }`;
  const BUDGETS = { month: { window: "MONTH", limitUsd: "1000" }, day: { window: "DAY", limitImages: 1000 } };
  let keyed: KeyedGateway;

  beforeAll(async () => {
    keyed = await startKeyedGateway({}, [PRICED]);
  });

  afterAll(() => keyed.close());

  async function countStatements(ofProject: object, ofKey: object): Promise<number> {
    const projectId = await keyed.createProject({ limits: ofProject });
    const { headers } = await keyed.createKey(projectId, { limits: ofKey });
    const generate = async () => {
      const { body } = await keyed.graphql(GENERATE, {}, headers);
      expect(body.data?.generateImages.status).toBe("SUCCEEDED");
    };
    // A key's first request reads the key and records its use.
    await generate();
    const statements = await statementsDuring(undefined, generate);
    return statements.filter((sql) => !isBeside(sql) && !isBoundary(sql)).length;
  }

  test("takes no more statements for two budgets, and one more for the rate limits of project and key", async () => {
    const without = await countStatements({}, {});

    expect(await countStatements({ budgets: [BUDGETS.month] }, { budgets: [BUDGETS.day] })).toBe(without);
    const rates = { requestsPerMinute: 1000, imagesPerMinute: 1000 };
    const limited = [
      { budgets: [BUDGETS.month], ...rates },
      { budgets: [BUDGETS.day], ...rates },
    ] as const;
    expect(await countStatements(...limited)).toBe(without + 1);
  });
});

test("simultaneous generations share statements and commits", async () => {
  const together = 16;
  const all = await statementsDuring(undefined, () => Promise.all(Array.from({ length: together }, makeOneImage)));
  const statements = all.filter((sql) => !isBeside(sql));

  expect(statements.filter((sql) => !isBoundary(sql)).length).toBeLessThan(together * STATEMENTS * 0.75);
  // One more may enter them in the search index.
  expect(countCommits(statements)).toBeLessThan(together * COMMITS * 0.75 + 1);
});

test.each([
  ["succeeds", { n: 1 }, makeImages],
  ["succeeds with several images", { n: 2 }, makeImages],
  ["has previews", { n: 1, partialImages: 1 }, makeImages],
  ["fails after its images", { n: 2 }, breakAfterImages],
])("a client that waits for a generation that %s gets it as recorded", async (_what, input, script) => {
  gateway.provider.script = script;
  const { images } = gateway.gateway;
  const accepted = await images.submit(CALLER, { prompt: "a lighthouse", size: "64x64", ...input });
  const ended = await images.wait(accepted, 60_000);

  expect([ended]).toStrictEqual(await images.generations(CALLER, [ended.id]));
  expect([await images.imagesOfEnded(ended)]).toStrictEqual(await images.imagesOf([ended.id]));
});

async function* breakAfterImages(request: GenerateRequest): AsyncIterable<ProviderEvent> {
  yield* makeImages(request);
  throw new GatewayError("UPSTREAM_FAILED", "the provider broke");
}

/** Statements of other parts: the delivery of webhooks polls every second. */
function isBeside(sql: string): boolean {
  return sql.startsWith('select * from "webhook_endpoints"');
}

function isBoundary(sql: string): boolean {
  return sql === "begin" || sql === "commit";
}

/** Outside of a transaction, each statement that writes is a commit. */
function countCommits(statements: readonly string[]): number {
  let isInTransaction = false;
  let count = 0;
  for (const sql of statements) {
    if (sql === "begin") isInTransaction = true;
    else if (sql === "commit") isInTransaction = false;
    if (!isInTransaction && !sql.startsWith("select")) count++;
  }
  return count;
}
