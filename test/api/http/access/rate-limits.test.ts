import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type CreatedKey, type KeyedGateway, startKeyedGateway } from "../../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR, ANY_SIZE_MODEL, type Hold, holdCalls } from "../../../support/gateways/scripted-gateway.ts";

const MODELS = [ANY_SIZE_EDITOR, { ...ANY_SIZE_MODEL, id: "other-1" }];
const TWENTY_SECONDS_BEFORE_THE_END = new Date("2026-11-30T12:00:40Z");

let gateway: KeyedGateway;
let now: Date;
let projectId: string;

beforeEach(async () => {
  now = TWENTY_SECONDS_BEFORE_THE_END;
  gateway = await startKeyedGateway({ now: () => now }, MODELS);
  projectId = await gateway.createProject();
});

afterEach(() => gateway.close());

const keyWith = (limits: object) => gateway.createKey(projectId, { limits });

const limitProject = (limits: object, id = projectId) =>
  gateway.admin("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
    input: { id, limits },
  });

async function generate(key: CreatedKey, input: object = {}) {
  const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }";
  const variables = { input: { prompt: "a fox", size: "64x64", waitSeconds: 0, ...input } };
  const { body, headers } = await post("/graphql", { query, variables }, key.headers);
  const [error] = body.errors ?? [];
  return {
    ...error?.extensions,
    message: error?.message,
    headers: Object.fromEntries(headers),
    ...body.data?.generateImages,
  };
}

async function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

describe("the limits of requests and images per minute", () => {
  test("are sent to every client in headers, with success and refusal", async () => {
    await limitProject({ imagesPerMinute: 10 });
    const key = await keyWith({ requestsPerMinute: 2 });
    const policy = '"project-images";q=10;w=60, "key-requests";q=2;w=60';

    const first = await generate(key, { n: 3 });
    expect(first.headers).toMatchObject({
      "ratelimit-policy": policy,
      ratelimit: '"project-images";r=7;t=20, "key-requests";r=1;t=20',
    });
    const second = await post("/get-image", { prompt: "a", n: "1", size: "64x64" }, key.headers);
    expect(second.status).toBe(200);
    expect(second.headers.get("ratelimit")).toBe('"project-images";r=6;t=20, "key-requests";r=0;t=20');

    const refused = await post("/v1/images/generations", { prompt: "a", size: "64x64" }, key.headers);
    expect(refused.status).toBe(429);
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      "retry-after": "20",
      "ratelimit-policy": policy,
      ratelimit: '"project-images";r=6;t=20, "key-requests";r=0;t=20',
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "20s",
      "x-ratelimit-limit-images": "10",
      "x-ratelimit-remaining-images": "6",
      "x-should-retry": "true",
    });
    expect(refused.body).toMatchObject({ error: { code: "rate_limit_exceeded", type: "requests" } });
    const byGraph = await generate(key);
    expect(byGraph).toMatchObject({
      code: "RATE_LIMITED",
      retryAfterSeconds: 20,
      headers: { "retry-after": "20" },
    });
    expect(byGraph.message).toBe("this API key may send 2 requests for images a minute; wait 20 seconds");
    const old = await post("/get-image", { prompt: "a", n: "1", size: "64x64" }, key.headers);
    expect([old.status, old.headers.get("retry-after")]).toEqual([429, "20"]);
    expect(old.body).toMatchObject({ urlResponse: { urlList: [] } });
  });

  test("start anew each minute, and their remainders never fall below zero when the clock jumps", async () => {
    const key = await keyWith({ requestsPerMinute: 1, imagesPerMinute: 4 });
    const atTimes = async (...times: string[]) => {
      const answers = [];
      for (const time of times) {
        now = new Date(time);
        const { status, code, headers } = await generate(key);
        answers.push([status ?? code, headers.ratelimit]);
      }
      return answers;
    };

    expect(
      await atTimes(
        "2026-11-30T12:00:59.999Z",
        "2026-11-30T12:01:00.000Z",
        "2026-11-30T12:01:00.000Z",
        // The clock jumps back by one minute: the request counts in the minute that has begun.
        "2026-11-30T12:00:30.000Z",
        // The clock jumps back by an hour, and forward by a day.
        "2026-11-30T11:00:30.000Z",
        "2026-11-30T11:00:30.000Z",
        "2026-12-01T12:00:30.000Z",
      ),
    ).toEqual([
      ["RUNNING", '"key-requests";r=0;t=1, "key-images";r=3;t=1'],
      ["RUNNING", '"key-requests";r=0;t=60, "key-images";r=3;t=60'],
      ["RATE_LIMITED", '"key-requests";r=0;t=60, "key-images";r=3;t=60'],
      ["RATE_LIMITED", '"key-requests";r=0;t=30, "key-images";r=3;t=30'],
      ["RUNNING", '"key-requests";r=0;t=30, "key-images";r=3;t=30'],
      ["RATE_LIMITED", '"key-requests";r=0;t=30, "key-images";r=3;t=30'],
      ["RUNNING", '"key-requests";r=0;t=30, "key-images";r=3;t=30'],
    ]);
  });

  test("are not used up by refused requests or repetitions of an earlier request", async () => {
    const key = await keyWith({ requestsPerMinute: 2, imagesPerMinute: 4 });
    expect(await generate(key, { size: "1x1" })).toMatchObject({ code: "BAD_USER_INPUT" });
    const first = await generate(key, { idempotencyKey: "k" });
    expect(await generate(key, { n: 4 })).toMatchObject({ code: "RATE_LIMITED" });
    expect(await generate(key, { idempotencyKey: "k" })).toMatchObject({ id: first.id });
    expect(await generate(key)).toMatchObject({
      headers: { ratelimit: '"key-requests";r=0;t=20, "key-images";r=2;t=20' },
    });
    // An accepted request is answered again even when the limit is used up.
    expect(await generate(key, { idempotencyKey: "k" })).toMatchObject({ id: first.id });
  });

  test("refuse a request that can never fit, without a time to wait", async () => {
    const key = await keyWith({ imagesPerMinute: 4 });
    const answer = await generate(key, { n: 5 });

    expect(answer).toMatchObject({ code: "RATE_LIMITED", field: "n" });
    expect(answer).not.toHaveProperty("retryAfterSeconds");
  });

  test("apply to edits, and to the admin acting for the project", async () => {
    await limitProject({ requestsPerMinute: 1 });
    const key = await keyWith({});
    const { id } = await generate(key, { waitSeconds: 60 });
    const { generation } = await gateway.admin(`{ generation(id: "${id}") { images { id } } }`);
    const edit = `mutation { editImages(input: { prompt: "b", images: [{ id: "${generation.images[0].id}" }] }) { id } }`;

    for (const headers of [
      key.headers,
      { "X-API-Key": "marked-admin-key-of-32-characters-or-more", "Pictograph-Project": projectId },
    ]) {
      const { body } = await gateway.graphql(edit, {}, headers);
      expect(body.errors?.[0]?.extensions).toMatchObject({ code: "RATE_LIMITED" });
    }
  });

  test("follow a change immediately in the same process", async () => {
    const key = await keyWith({ requestsPerMinute: 1 });
    await generate(key);
    expect(await generate(key)).toMatchObject({ code: "RATE_LIMITED" });
    await gateway.admin(
      `mutation { updateApiKey(input: { id: "${key.id}", limits: { requestsPerMinute: 2 } }) { id } }`,
    );
    expect(await generate(key)).toMatchObject({ status: "RUNNING" });
    await gateway.admin(
      `mutation { updateApiKey(input: { id: "${key.id}", limits: { requestsPerMinute: 1 } }) { id } }`,
    );
    expect(await generate(key)).toMatchObject({
      code: "RATE_LIMITED",
      headers: { ratelimit: '"key-requests";r=0;t=20' },
    });
    await gateway.admin(`mutation { updateApiKey(input: { id: "${key.id}", limits: null }) { id } }`);
    expect((await generate(key)).headers).not.toHaveProperty("ratelimit");
  });
});

test("an edit above a used-up limit is refused before its images are read", async () => {
  const key = await keyWith({ requestsPerMinute: 1 });
  const edit = () =>
    post("/v1/images/edits", { prompt: "a", images: [{ image_url: "data:image/png;base64,QUJD" }] }, key.headers);
  expect((await edit()).status).toBe(400);
  await generate(key);
  await generate(key);

  const refused = await edit();
  expect([refused.status, refused.headers.get("ratelimit")]).toEqual([429, '"key-requests";r=0;t=20']);
  now = new Date(now.getTime() + 10_000);
  expect((await edit()).headers.get("ratelimit")).toBe('"key-requests";r=0;t=10');
  // In the next minute the file is read, and is found not to be an image.
  now = new Date(now.getTime() + 10_000);
  expect((await edit()).status).toBe(400);
});

test("pages from 2022 are limited by their address", async () => {
  await gateway.admin('mutation { updateProject(input: { id: "proj_public", allowsAnonymous: true }) { id } }');
  await limitProject({ requestsPerMinutePerAddress: 1 }, "proj_public");
  const send = (headers = {}) => post("/get-image", { prompt: "a", n: "1", size: "64x64" }, headers);

  expect((await send()).headers.get("ratelimit")).toBe('"address-requests";r=0;t=20');
  const refused = await send();
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "20"]);
  // A caller with a key is not a page from 2022.
  expect((await send((await gateway.createKey("proj_public")).headers)).status).toBe(200);
});

describe("a limit on simultaneous generations", () => {
  let hold: Hold;

  beforeEach(() => {
    hold = holdCalls(gateway.provider);
  });

  test("counts queued and running generations", async () => {
    await limitProject({ concurrentGenerations: 2 });
    const key = await keyWith({ concurrentGenerations: 1 });
    const other = await gateway.createKey(projectId);
    const first = await generate(key);
    await hold.called;
    expect(await generate(key)).toMatchObject({
      code: "RATE_LIMITED",
      message: "this API key may have 1 generations at once; wait until one has ended",
      headers: { ratelimit: '"project-generations";r=1, "key-generations";r=0' },
    });
    expect(await generate(other)).toMatchObject({ headers: { ratelimit: '"project-generations";r=0' } });
    expect(await generate(other)).toMatchObject({ code: "RATE_LIMITED" });
    await gateway.graphql(`mutation { cancelGeneration(id: "${first.id}") { id } }`, {}, key.headers);

    expect(await generate(key)).toMatchObject({ status: "RUNNING" });
    hold.release();
  });
});

describe("limits on models and operations", () => {
  test("refuse the others, and name what to use instead", async () => {
    const key = await keyWith({ models: ["other-1"], operations: ["EDIT"] });
    expect(await generate(key, { model: "other-1" })).toMatchObject({
      code: "FORBIDDEN",
      message: "this API key may not use GENERATE; it may use: EDIT",
    });
    await gateway.admin(`mutation { updateApiKey(input: { id: "${key.id}", limits: { operations: null } }) { id } }`);
    expect(await generate(key)).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      field: "model",
      message: "this API key may not use any-size-editor-1; it may use: other-1",
    });
    expect(await generate(key, { model: "other-1" })).toMatchObject({ status: "RUNNING" });
  });

  test("of the project and of the key also apply to quotes and edits", async () => {
    await limitProject({ models: [ANY_SIZE_EDITOR.id], operations: ["GENERATE"] });
    const key = await keyWith({ models: [ANY_SIZE_EDITOR.id, "other-1"] });
    const codeOf = async (query: string) =>
      (await gateway.graphql(query, {}, key.headers)).body.errors?.[0]?.extensions?.code;

    expect(await codeOf(`{ quote(input: { prompt: "a", model: "other-1" }) { model { id } } }`)).toBe(
      "MODEL_UNAVAILABLE",
    );
    expect(await codeOf(`{ quote(input: { prompt: "a" }) { model { id } } }`)).toBeUndefined();
    expect(await codeOf(`mutation { editImages(input: { prompt: "a", images: [{ id: "img_x" }] }) { id } }`)).toBe(
      "FORBIDDEN",
    );
    expect(await generate(key, { model: "other-1" })).toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect((await post("/v1/images/generations", { prompt: "a", model: "other-1" }, key.headers)).status).toBe(404);
  });

  test("may allow none", async () => {
    const key = await keyWith({ operations: [], models: [] });
    expect(await generate(key)).toMatchObject({ message: "this API key may not use GENERATE; it may use: none" });
  });
});
