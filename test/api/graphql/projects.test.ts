import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startGateway } from "../../support/gateways/gateway.ts";
import { ADMIN, ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { poll, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();
let gateway: KeyedGateway;
let now = new Date("2026-11-30T12:00:00Z");

beforeAll(async () => {
  gateway = await startKeyedGateway({ now: () => now });
});

afterAll(() => gateway.close());

async function refusal(query: string, headers: Record<string, string> = ADMIN) {
  const { errors } = (await gateway.graphql(query, {}, headers)).body;
  return errors?.[0]?.extensions;
}

describe("limits", () => {
  const LIMITS = "limits { budgets { window limitUsd limitImages } requestsPerMinute models operations }";
  const update = async (id: string, limits: string) =>
    (await gateway.admin(`mutation { updateProject(input: { id: "${id}", limits: ${limits} }) { ${LIMITS} } }`))
      .updateProject.limits;

  test("stay if omitted, are removed by null, and lists are replaced", async () => {
    const id = await gateway.createProject({
      limits: { budgets: [{ window: "DAY", limitUsd: "12.500000000001" }], requestsPerMinute: 5 },
    });
    const budgets = [{ window: "DAY", limitUsd: "12.500000000001", limitImages: null }];

    expect(await update(id, `{ models: ["a"], operations: [EDIT] }`)).toEqual({
      budgets,
      requestsPerMinute: 5,
      models: ["a"],
      operations: ["EDIT"],
    });
    expect(await update(id, `{ requestsPerMinute: null, budgets: [{ window: TOTAL, limitImages: 0 }] }`)).toMatchObject(
      {
        budgets: [{ window: "TOTAL", limitUsd: null, limitImages: 0 }],
        requestsPerMinute: null,
        models: ["a"],
      },
    );
    expect(await update(id, "null")).toEqual({ budgets: [], requestsPerMinute: null, models: null, operations: null });
  });

  test.each([
    ["limitUsd", `{ budgets: [{ window: DAY, limitUsd: "-1" }] }`],
    ["limitUsd", `{ budgets: [{ window: DAY, limitUsd: "0.1234567890123" }] }`],
    ["limitUsd", `{ budgets: [{ window: DAY, limitUsd: "1e9" }] }`],
    ["limitUsd", `{ budgets: [{ window: DAY, limitUsd: "${"9".repeat(40)}" }] }`],
    ["limitImages", "{ budgets: [{ window: DAY, limitImages: -1 }] }"],
    ["budgets", "{ budgets: [{ window: DAY }] }"],
    ["budgets", "{ budgets: [{ window: DAY, limitImages: 1 }, { window: DAY, limitImages: 2 }] }"],
    ["requestsPerMinute", "{ requestsPerMinute: 0 }"],
    ["models", `{ models: [""] }`],
  ])("refuse %s in %s and change nothing", async (field, limits) => {
    const before = await gateway.admin("{ projects { nodes { id } } auditLog { nodes { id } } }");
    expect(await refusal(`mutation { createProject(input: { name: "a", limits: ${limits} }) { id } }`)).toMatchObject({
      code: "BAD_USER_INPUT",
      field,
    });
    expect(await gateway.admin("{ projects { nodes { id } } auditLog { nodes { id } } }")).toEqual(before);
  });

  test("accept no other window", async () => {
    const answer = await gateway.graphql(
      'mutation { createProject(input: { name: "a", limits: { budgets: [{ window: YEAR }] } }) { id } }',
      {},
      ADMIN,
    );
    expect(answer.status).toBe(400);
  });
});

describe("an API key", () => {
  const works = async (headers: Record<string, string>) =>
    (await gateway.graphql("{ __typename }", {}, headers)).status === 200;

  test("keeps its earlier token until the overlap ends", async () => {
    const key = await gateway.createKey(await gateway.createProject());
    const { rotateApiKey } = await gateway.admin(
      `mutation { rotateApiKey(id: "${key.id}", overlapSeconds: 60) { token apiKey { id prefix } } }`,
    );
    const renewed = { "X-API-Key": rotateApiKey.token };

    expect(rotateApiKey.apiKey).toEqual({ id: key.id, prefix: rotateApiKey.token.slice(0, 10) });
    expect([await works(key.headers), await works(renewed)]).toEqual([true, true]);
    now = new Date(now.getTime() + 60_000);
    expect([await works(key.headers), await works(renewed)]).toEqual([false, true]);
  });

  test("stops working when it is revoked, and is still listed", async () => {
    const projectId = await gateway.createProject();
    const key = await gateway.createKey(projectId);
    expect(await works(key.headers)).toBe(true);
    await gateway.admin(`mutation { revokeApiKey(id: "${key.id}") { revokedAt } }`);

    expect(await works(key.headers)).toBe(false);
    expect(await refusal(`mutation { rotateApiKey(id: "${key.id}") { token } }`)).toMatchObject({ field: "id" });
    const { project } = await gateway.admin(`{ project(id: "${projectId}") { apiKeys { nodes { id revokedAt } } } }`);
    expect(project.apiKeys.nodes).toEqual([{ id: key.id, revokedAt: expect.any(String) }]);
  });

  test("shows when it was last used", async () => {
    const key = await gateway.createKey(await gateway.createProject());
    const lastUse = async () =>
      (await gateway.admin(`{ node(id: "${key.id}") { ... on ApiKey { lastUsedAt } } }`)).node;

    expect(await lastUse()).toEqual({ lastUsedAt: null });
    await works(key.headers);
    expect(await poll(lastUse, ({ lastUsedAt }) => lastUsedAt !== null)).toEqual({ lastUsedAt: now.toISOString() });
  });

  test("needs an existing project and an expiry in the future", async () => {
    expect(
      await refusal(`mutation { createApiKey(input: { projectId: "proj_x", name: "a" }) { token } }`),
    ).toMatchObject({
      code: "NOT_FOUND",
      field: "projectId",
    });
    const past = `expiresAt: "2020-01-01T00:00:00Z"`;
    expect(
      await refusal(`mutation { createApiKey(input: { projectId: "proj_public", name: "a", ${past} }) { token } }`),
    ).toMatchObject({ field: "expiresAt" });
  });
});

test("the audit log says who did what, without tokens or keys", async () => {
  const projectId = await gateway.createProject({ name: "audited" });
  const key = await gateway.createKey(projectId);
  await gateway.graphql(`mutation { deleteEndUserData(endUser: "ann-the-forgotten") }`, {}, key.headers);
  const { auditLog } = await gateway.admin(
    "{ auditLog(first: 3) { nodes { actor action changes project { id } apiKey { id } } pageInfo { endCursor } } }",
  );
  const admin = expect.stringMatching(/^admin:[0-9a-f]{8}$/);

  expect(auditLog.nodes).toEqual([
    { actor: key.id, action: "deleteEndUserData", changes: [], project: { id: projectId }, apiKey: null },
    { actor: admin, action: "createApiKey", changes: ["name"], project: { id: projectId }, apiKey: { id: key.id } },
    { actor: admin, action: "createProject", changes: ["name"], project: { id: projectId }, apiKey: null },
  ]);
  const all = JSON.stringify(await gateway.admin("{ auditLog(first: 100) { nodes { actor action changes } } }"));
  for (const secret of [key.token.slice(10), ADMIN_KEY, "ann-the-forgotten"]) expect(all).not.toContain(secret);
  const next = await gateway.admin(
    `{ auditLog(first: 1, after: "${auditLog.pageInfo.endCursor}") { nodes { action } pageInfo { hasPreviousPage } } }`,
  );
  expect(next.auditLog).toMatchObject({ nodes: [{}], pageInfo: { hasPreviousPage: true } });
});

test("erasing an end user's data deletes all its images and nothing else", async () => {
  const projectId = await gateway.createProject();
  const key = await gateway.createKey(projectId);
  const of = (endUser: string) => ({ ...key.headers, "Pictograph-End-User": endUser });
  const make = async (headers: Record<string, string>) => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images { url } } }`;
    return (await gateway.graphql(query, {}, headers)).body.data.generateImages;
  };
  const ofAnn = [await make(of("ann")), await make(of("ann"))];
  const kept = [await make(of("bob")), await make(key.headers), await make({ ...ADMIN, "Pictograph-End-User": "ann" })];

  expect(await refusal(`mutation { deleteEndUserData(endUser: "ann") }`, of("bob"))).toMatchObject({
    code: "FORBIDDEN",
  });
  const { body } = await gateway.graphql(`mutation { deleteEndUserData(endUser: "ann") }`, {}, key.headers);
  expect(body.data).toEqual({ deleteEndUserData: 2 });
  for (const { images } of ofAnn) expect((await fetch(images[0].url)).status).toBe(404);
  for (const { images } of kept) expect((await fetch(images[0].url)).status).toBe(200);
});

test("another process on the same database refuses a revoked key within a second", async () => {
  const databaseUrl = await postgres.newDatabase();
  const here = await startKeyedGateway({ databaseUrl });
  const there = await startKeyedGateway({ databaseUrl });
  const key = await here.createKey(await here.createProject());
  const statusThere = async () => (await there.graphql("{ __typename }", {}, key.headers)).status;
  expect(await statusThere()).toBe(200);
  await here.admin(`mutation { revokeApiKey(id: "${key.id}") { id } }`);

  expect(await poll(statusThere, (status) => status !== 200)).toBe(401);
  await Promise.all([here.close(), there.close()]);
});

describe("an open gateway", () => {
  test("ignores credentials, refuses admin operations, and names the variable to set", async () => {
    const open = await startScriptedGateway();
    const headers = { Authorization: "Bearer sk-whatever", "X-API-Key": "other", "Pictograph-End-User": "ann" };
    const { body } = await open.graphql("{ viewer { project { id } endUser isAdmin } }", {}, headers);
    const { errors } = (await open.graphql("{ projects { nodes { id } } }", {}, headers)).body;

    expect(body.data.viewer).toEqual({ project: { id: "proj_public" }, endUser: null, isAdmin: false });
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining("PICTOGRAPH_ADMIN_KEY"),
      extensions: { code: "FORBIDDEN" },
    });
    await open.close();
  });

  test("does not start on a store with API keys until they are revoked; its images stay", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "pictograph-keys-"));
    const open = await startScriptedGateway({ dataDir });
    const made = await open.graphql(`mutation { generateImages(input: { prompt: "a", size: "64x64" }) { id } }`);
    const { id } = made.body.data.generateImages;
    await open.stop();
    const keyed = await startKeyedGateway({ dataDir });
    expect(await keyed.admin(`{ generation(id: "${id}") { project { id } } }`)).toEqual({
      generation: { project: { id: "proj_public" } },
    });
    const key = await keyed.createKey("proj_public");
    await keyed.stop();

    await expect(startGateway({ dataDir })).rejects.toThrow(/PICTOGRAPH_ADMIN_KEY must be set: there are API keys/);
    const again = await startKeyedGateway({ dataDir });
    await again.admin(`mutation { revokeApiKey(id: "${key.id}") { id } }`);
    await again.stop();
    await (await startGateway({ dataDir })).close();
  });
});

test("a keyed gateway shows GraphiQL at /graphql, which loads no script from elsewhere", async () => {
  const response = await fetch(`${gateway.url}/graphql`, { headers: { Accept: "text/html" } });
  const page = await response.text();

  expect(response.status).toBe(200);
  expect(page).toContain("GraphiQL");
  expect(page).not.toMatch(/<script[^>]+https?:/);
  expect(response.headers.get("content-security-policy")).toContain("default-src 'self'");
});
