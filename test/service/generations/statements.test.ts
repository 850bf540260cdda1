import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PUBLIC_PROJECT } from "../../../src/ports/records.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";

const CALLER = { projectId: PUBLIC_PROJECT };
/** Five to accept it, one to start it, two for its image, four for its end, and three that read it for its caller. */
const MOST_STATEMENTS = 15;
/** Accepted, started, its image stored, ended. */
const MOST_COMMITS = 4;

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.stop());

async function makeOneImage(): Promise<void> {
  const { images } = gateway.gateway;
  const accepted = await images.submit(CALLER, { prompt: "a lighthouse", size: "64x64" });
  const ended = await images.wait(accepted, 60_000);
  const [made] = await images.imagesOf([ended.id]);
  expect(ended.status).toBe("SUCCEEDED");
  expect(made).toHaveLength(1);
}

test("a generation of one image takes few statements and commits", async () => {
  await makeOneImage();

  const all = await statementsDuring(undefined, makeOneImage);
  const statements = all.filter((sql) => !isBeside(sql));

  expect(statements.filter((sql) => !isBoundary(sql)).length).toBeLessThanOrEqual(MOST_STATEMENTS);
  expect(countCommits(statements)).toBeLessThanOrEqual(MOST_COMMITS);
});

/** What runs beside generations: the deliverer of webhooks looks every second. */
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
