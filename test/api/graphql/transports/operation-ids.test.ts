import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GenerateRequest } from "../../../../src/ports/image-provider.ts";
import { type Message, RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { aborted, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../../support/gateways/scripted-provider.ts";

const STATUS = `subscription ($id: ID!) {
  generationEvents(id: $id) { ... on GenerationStatusChanged { generation { prompt status } } }
}`;

let gateway: ScriptedGateway;
let socket: RawSocket;
/** Lets the provider make the images of a prompt; each prompt has one. */
let holds: Map<string, PromiseWithResolvers<void>>;

beforeEach(async () => {
  gateway = await startScriptedGateway();
  holds = new Map();
  gateway.provider.script = async function* held(request: GenerateRequest, signal) {
    await Promise.race([holdOf(request.prompt).promise, aborted(signal)]);
    yield* makeImages(request);
  };
  socket = await RawSocket.introduced(socketUrl(gateway.url));
});

afterEach(async () => {
  socket.socket.terminate();
  await gateway.close();
});

function holdOf(prompt: string): PromiseWithResolvers<void> {
  const hold = holds.get(prompt) ?? Promise.withResolvers<void>();
  holds.set(prompt, hold);
  return hold;
}

async function begin(prompt: string): Promise<string> {
  const { id } = await gateway.gateway.images.submit({ projectId: "proj_public" }, { prompt, size: "64x64" });
  return id;
}

/** Waits until a generation has ended, observed by another client. */
async function ended(id: string): Promise<void> {
  for await (const _event of await gateway.gateway.images.watch({ projectId: "proj_public" }, id));
}

/** Collects the messages with an id until its operation ends. */
async function answersTo(id: string): Promise<readonly Message[]> {
  await socket.message((message) => message.id === id && message.type !== "next");
  return socket.messages.filter((message) => message.id === id);
}

/** Sends a ping and waits for the pong: the server has then read and answered everything before. */
async function roundTrip(): Promise<void> {
  const seen = socket.messages.filter(({ type }) => type === "pong").length;
  socket.send({ type: "ping" });
  await socket.message(() => socket.messages.filter(({ type }) => type === "pong").length > seen);
}

const next = (id: string, data: object) => ({ id, type: "next", payload: { data } });

describe("an id can be used again when its operation is completed:", () => {
  const make = (prompt: string) =>
    `mutation { ${prompt}: generateImages(input: { prompt: "${prompt}", size: "64x64" }) { prompt status } }`;

  test("that of a mutation, whose result is not sent under another operation's id", async () => {
    socket.subscribe("1", make("first"));
    socket.send({ type: "complete", id: "1" });
    socket.subscribe("1", make("second"));
    await roundTrip();
    holdOf("first").resolve();
    const { data } = (await gateway.graphql("{ generations { edges { node { id prompt } } } }")).body;
    for (const { node } of data.generations.edges) if (node.prompt === "first") await ended(node.id);
    await roundTrip();
    expect(socket.messages.filter(({ id }) => id === "1")).toEqual([]);

    holdOf("second").resolve();
    expect(await answersTo("1")).toEqual([
      next("1", { second: { prompt: "second", status: "SUCCEEDED" } }),
      { id: "1", type: "complete" },
    ]);
  });

  test("that of a query", async () => {
    for (let round = 0; round < 20; round++) {
      const id = `query ${round}`;
      socket.subscribe(id, "{ first: generations { edges { cursor } } }");
      socket.send({ type: "complete", id });
      socket.subscribe(id, "{ second: __typename }");

      expect(await answersTo(id)).toEqual([next(id, { second: "Query" }), { id, type: "complete" }]);
    }
  });

  test("that of a subscription that has not begun, and of one that runs", async () => {
    const [first, second, third] = [await begin("first"), await begin("second"), await begin("third")];
    const running = (prompt: string) => (message: Message) =>
      message.payload?.data?.generationEvents.generation?.prompt === prompt;
    socket.subscribe("7", STATUS, { id: first });
    socket.send({ type: "complete", id: "7" });
    socket.subscribe("7", STATUS, { id: second });
    await socket.message(running("second"));
    socket.send({ type: "complete", id: "7" });
    socket.subscribe("7", STATUS, { id: third });
    await socket.message(running("third"));
    const before = socket.messages.length;

    for (const prompt of ["first", "second"]) holdOf(prompt).resolve();
    await Promise.all([ended(first), ended(second)]);
    await roundTrip();
    expect(socket.messages.slice(before).filter(({ id }) => id === "7")).toEqual([]);
    expect(socket.messages.some(running("first"))).toBe(false);

    holdOf("third").resolve();
    await answersTo("7");
    expect(socket.messages.slice(before).filter(({ id }) => id === "7")).toEqual([
      next("7", { generationEvents: {} }),
      next("7", { generationEvents: { generation: { prompt: "third", status: "SUCCEEDED" } } }),
      { id: "7", type: "complete" },
    ]);
  });

  test("that of an operation that fails, and of one that the server completed", async () => {
    for (const query of ["{ nonsense }", "{ __typename }", STATUS, "{ __typename }"]) {
      const before = socket.messages.length;
      socket.subscribe("a", query, { id: "gen_none" });
      await socket.message((message) => socket.messages.indexOf(message) >= before && message.type !== "next");
    }

    expect(socket.messages.filter(({ id }) => id === "a").map(({ type }) => type)).toEqual([
      "error",
      "next",
      "complete",
      "error",
      "next",
      "complete",
    ]);
  });
});

test.each(['a "quoted" id', "\\", "日本語 🦊", "__proto__", "1"])("an id may be any text: %s", async (id) => {
  socket.subscribe(id, "{ __typename }");

  expect(await answersTo(id)).toEqual([next(id, { __typename: "Query" }), { id, type: "complete" }]);
});

test("an operation completed again and again while it runs still counts as running", async () => {
  for (let index = 0; index < 250; index++) {
    const id = `${index}`;
    socket.subscribe(id, `mutation { generateImages(input: { prompt: "${index}", size: "64x64" }) { id } }`);
    if (index < 249) socket.send({ type: "complete", id });
  }

  expect(await answersTo("249")).toMatchObject([
    { type: "error", payload: [{ extensions: { code: "RATE_LIMITED" } }] },
  ]);
});
