import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import { holdCalls } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { runCommand } from "../support/processes/run-command.ts";

let gateway: KeyedGateway;
let projectId: string;
let token: string;
let id: string;
beforeAll(async () => {
  gateway = await startKeyedGateway();
  projectId = await gateway.createProject();
  token = (await gateway.createKey(projectId)).token;
  for (const prompt of ["a blue bird", "a red\u001b[31m fox"]) {
    const mutation = 'mutation ($prompt: String!) { generateImages(input: { prompt: $prompt, size: "64x64" }) { id } }';
    const { body } = await gateway.graphql(mutation, { prompt }, { Authorization: `Bearer ${token}` });
    id = body.data.generateImages.id;
  }
});
afterAll(() => gateway.close());

const run = (...parameters: string[]) =>
  runCommand(parameters, { env: { PICTOGRAPH_URL: gateway.url, PICTOGRAPH_API_KEY: token } });
const admin = (...parameters: string[]) =>
  runCommand(parameters, { env: { PICTOGRAPH_URL: `${gateway.url}/`, PICTOGRAPH_API_KEY: ADMIN_KEY } });

describe("records", () => {
  test("list prints one line per generation, without escape sequences", async () => {
    const { code, lines } = await run("list");

    expect(code).toBe(0);
    expect(lines.map((line) => line.split("\t").filter((_cell, column) => column !== 2))).toEqual([
      [id, "SUCCEEDED", "1 × 64x64", "any-size-1", "a red\ufffd[31m fox"],
      [expect.stringMatching(/^gen_/), "SUCCEEDED", "1 × 64x64", "any-size-1", "a blue bird"],
    ]);
  });

  test("list filters, counts and prints JSON", async () => {
    const [found, counted, none] = await Promise.all([
      run("list", "--search", "BIRD", "--status", "succeeded", "--json"),
      run("list", "-n", "1"),
      run("list", "--model", "other"),
    ]);

    expect(found.lines.map((line) => JSON.parse(line).prompt)).toEqual(["a blue bird"]);
    expect(counted.lines).toHaveLength(1);
    expect(none).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test("show prints the details of a generation", async () => {
    const { code, stdout } = await run("show", id);

    expect(code).toBe(0);
    expect(stdout).toContain("a red\ufffd[31m fox");
    expect(stdout).toContain(`${gateway.url}/images/img_`);
    expect(await run("show", "gen_01h455vb4pex5vsknk084sn02q")).toMatchObject({
      code: 1,
      stderr: "✗ there is no generation gen_01h455vb4pex5vsknk084sn02q; `pictograph list` shows yours\n",
    });
  });

  test("watch prints the events of a generation as JSON", async () => {
    const { code, lines } = await run("watch", id, "--json");
    const events = lines.map((line) => JSON.parse(line));

    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({
      __typename: "GenerationStatusChanged",
      generation: { id, status: "SUCCEEDED" },
    });
  });

  test("cancel and delete end a generation", async () => {
    const hold = holdCalls(gateway.provider);
    const mutation = 'mutation { generateImages(input: { prompt: "slow", size: "64x64", waitSeconds: 0 }) { id } }';
    const { body } = await gateway.graphql(mutation, {}, { Authorization: `Bearer ${token}` });
    const slow = body.data.generateImages.id;
    await hold.called;

    expect(await run("cancel", slow)).toMatchObject({ code: 0, stdout: `${slow}\tCANCELED\n` });
    expect(await run("watch", slow)).toMatchObject({ code: 1 });
    expect(await run("delete", slow)).toMatchObject({ code: 0, stdout: `${slow}\n` });
    expect(await run("delete", slow)).toMatchObject({ code: 1, stdout: "" });
    gateway.provider.script = makeImages;
  });

  test("models, quote and usage print their data", async () => {
    const [models, quote, usage, json] = await Promise.all([
      run("models"),
      run("quote", "a fox", "--model", "illustrator-1"),
      run("usage", "--by", "model"),
      run("usage", "--by", "model,operation", "--json"),
    ]);

    expect(models.lines[0]).toBe("any-size-1\tscripted\tgenerate\t10\tdefault");
    expect(quote.stdout).toBe("$0\n");
    expect(usage.lines[0]).toMatch(/^any-size-1\t\d+\t\d+\t/);
    expect(JSON.parse(json.lines[0] ?? "")).toMatchObject({ model: "any-size-1", operation: "GENERATE" });
    expect(await run("usage", "--from", "2026-02-30")).toMatchObject({ code: 2 });
    expect(await run("usage", "--by", "hour")).toMatchObject({ code: 2 });
  });
});

describe("projects and keys", () => {
  test("the admin key creates, changes and lists them, and a created key works", async () => {
    const created = await admin("projects", "create", "shop", "--budget", "month=50", "--budget", "day=2.50");
    const shop = created.stdout.trim();
    const key = await admin("keys", "create", "website", "--project", shop, "--budget", "total=1");
    const secret = key.stdout.trim();
    const used = await runCommand(["list"], { env: { PICTOGRAPH_URL: gateway.url, PICTOGRAPH_API_KEY: secret } });
    const listed = await admin("keys", "--project", shop, "--json");
    const { id: keyId } = JSON.parse(listed.lines[0] ?? "");
    const rotated = await admin("keys", "rotate", keyId, "--overlap", "0", "--json");
    const revoked = await admin("keys", "revoke", keyId);
    const { token: newSecret } = JSON.parse(rotated.stdout);
    const refused = await runCommand(["list"], { env: { PICTOGRAPH_URL: gateway.url, PICTOGRAPH_API_KEY: newSecret } });
    await admin("projects", "update", shop, "--disable", "--name", "old shop");
    const projects = await admin("projects");

    expect(shop).toMatch(/^proj_\w+$/);
    expect(secret).toMatch(/^pgk_\w+$/);
    expect(used).toMatchObject({ code: 0, stdout: "" });
    expect(revoked.stdout).toBe(`${keyId}\n`);
    expect(refused.code).toBe(4);
    expect(projects.lines.find((line) => line.startsWith(shop))).toMatch(
      /^proj_\w+\tdisabled\t\S+\told shop\tmonth: \$0 of \$50; day: \$0 of \$2\.5$/,
    );
  });

  test.each([
    ["nothing to change", ["projects", "update", "proj_x"]],
    ["not both", ["projects", "update", "proj_x", "--disable", "--enable"]],
    ["an argument is missing or wrong", ["projects", "create"]],
    ["an argument is missing or wrong", ["keys", "remove", "key_x"]],
    ["--project is missing", ["keys", "create", "website"]],
    ["--budget must be a window", ["projects", "create", "shop", "--budget", "50"]],
    ["--expires must be a day", ["keys", "create", "website", "--project", "proj_x", "--expires", "soon"]],
  ])("refuses: %s", async (message, parameters) => {
    const { code, stderr } = await admin(...parameters);

    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("webhooks", () => {
  test("are created, listed, tested, rotated and deleted", async () => {
    const sending = await startKeyedGateway({
      publicUrl: "https://pictures.example",
      webhooks: { allowHttp: true, allowPrivate: true },
    });
    const run = (...parameters: string[]) =>
      runCommand(parameters, { env: { PICTOGRAPH_URL: sending.url, PICTOGRAPH_API_KEY: ADMIN_KEY } });
    const arrived: string[] = [];
    const receiver = createServer((request, response) => {
      arrived.push(String(request.headers["webhook-id"]));
      response.end();
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
    const created = await run("webhooks", "create", url, "--event", "generation.failed");
    const listed = await run("webhooks", "--json");
    const { id: endpointId } = JSON.parse(listed.lines[0] ?? "{}");
    const tested = await run("webhooks", "test", endpointId);
    const deliveries = await run("webhooks", "deliveries", endpointId);
    const rotated = await run("webhooks", "rotate", endpointId);
    const deleted = await run("webhooks", "delete", endpointId);
    receiver.closeAllConnections();
    receiver.close();

    expect(created.stdout).toMatch(/^whsec_\S+\n$/);
    expect(JSON.parse(listed.lines[0] ?? "")).toMatchObject({ url, events: ["generation.failed"], isDisabled: false });
    expect(tested.stdout).toMatch(/^msg_\w+\twebhook\.test\tDELIVERED\t\S+\t200\n$/);
    expect(arrived).toEqual([tested.stdout.split("\t")[0]]);
    expect(deliveries.stdout).toBe(tested.stdout);
    expect(rotated.stdout).toMatch(/^whsec_\S+\n$/);
    expect(deleted.stdout).toBe(`${endpointId}\n`);
    expect(await run("webhooks")).toMatchObject({ code: 0, stdout: "" });
    expect(await run("webhooks", "forget", endpointId)).toMatchObject({ code: 2 });
    await sending.close();
  });
});

describe("wrong credentials", () => {
  test("exit with 4: no key, a wrong key, too few rights", async () => {
    const env = { PICTOGRAPH_URL: gateway.url };
    const missing = await runCommand(["list"], { env });
    const wrong = await runCommand(["generate", "a fox"], { env: { ...env, PICTOGRAPH_API_KEY: "pgk_wrong" } });
    const forbidden = await run("projects");

    expect([missing.code, wrong.code, forbidden.code]).toEqual([4, 4, 4]);
    expect(missing.stderr).toContain("PICTOGRAPH_API_KEY");
    expect(wrong.stderr).not.toContain("pgk_wrong");
  });

  test.each([
    ["PICTOGRAPH_URL", "pictures.example"],
    ["PICTOGRAPH_URL", "ftp://pictures.example"],
    ["PICTOGRAPH_API_KEY", "two words"],
    ["PICTOGRAPH_API_KEY_FILE", "/nowhere/key"],
  ])("a wrong %s exits with 2: %s", async (name, value) => {
    const { code, stderr } = await runCommand(["list"], { env: { [name]: value } });

    expect(code).toBe(2);
    expect(stderr).toContain(name);
    expect(stderr).not.toContain("cannot start");
  });
});
