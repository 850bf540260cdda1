import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { WebSocket } from "ws";
import { socketUrl } from "../../../support/clients/live-clients.ts";
import { poll, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const EVENTS = `subscription { generationEvents {
  __typename
  ... on GenerationUpdate { generation { prompt status endUser } }
} }`;

interface Update {
  readonly generationEvents: {
    readonly __typename: string;
    readonly generation: { readonly prompt: string; readonly status: string };
  };
}

let gateway: ScriptedGateway;
let streams: { dispose(): void | Promise<void> }[];

beforeEach(async () => {
  streams = [];
  gateway = await startScriptedGateway({
    authenticate: async ({ headers }: IncomingMessage) => ({
      ...(headers["x-user"] !== undefined && { endUser: String(headers["x-user"]) }),
    }),
  });
});

afterEach(async () => {
  for (const stream of streams) await stream.dispose();
  await gateway.close();
});

async function make(prompt: string, endUser?: string): Promise<string> {
  const { body } = await gateway.graphql(
    "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }",
    { input: { prompt, size: "64x64", endUser } },
  );
  return body.data.generateImages.id;
}

/** Follows all generations of an end user from now on, and collects the events. */
async function followAll(transport: string, endUser: string): Promise<string[]> {
  const heard: string[] = [];
  const before = gateway.gateway.images.watching;
  const headers = { "X-User": endUser };
  if (transport === "server-sent events") {
    const client = createClient({ url: `${gateway.url}/graphql/stream`, headers, retryAttempts: 0 });
    streams.push(client);
    void collect(client.iterate<Update>({ query: EVENTS }), heard);
  } else {
    class SocketOf extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { headers });
      }
    }
    const client = createSocketClient({ url: socketUrl(gateway.url), webSocketImpl: SocketOf, retryAttempts: 0 });
    streams.push(client);
    void collect(client.iterate<Update>({ query: EVENTS }), heard);
  }
  await poll(
    async () => gateway.gateway.images.watching,
    (count) => count > before,
  );
  return heard;
}

async function collect(results: AsyncIterable<{ data?: Update | null | undefined }>, heard: string[]): Promise<void> {
  for await (const { data } of results) {
    const { __typename, generation } = data?.generationEvents ?? {};
    heard.push(`${generation?.prompt} ${__typename === "ImageReady" ? "image" : generation?.status}`);
  }
}

describe.each(["graphql-transport-ws", "server-sent events"])(
  "a subscription to all generations over %s",
  (transport) => {
    test("reports events from now on, to each end user only its own", async () => {
      await make("an old one", "ann");
      const ofAnn = await followAll(transport, "ann");
      const ofBob = await followAll(transport, "bob");
      await make("a fox", "ann");
      await make("a bird", "bob");
      await make("a wolf", "ann");
      await poll(
        async () => [ofAnn.at(-1), ofBob.at(-1)],
        ([ann, bob]) => ann === "a wolf SUCCEEDED" && bob === "a bird SUCCEEDED",
      );

      const withoutQueued = (heard: readonly string[]) => heard.filter((event) => !event.endsWith("QUEUED"));
      expect(withoutQueued(ofAnn)).toEqual(
        ["a fox", "a wolf"].flatMap((prompt) => [`${prompt} RUNNING`, `${prompt} image`, `${prompt} SUCCEEDED`]),
      );
      expect(withoutQueued(ofBob)).toEqual(["a bird RUNNING", "a bird image", "a bird SUCCEEDED"]);
    });
  },
);

test("treats a null id as all generations, and an empty id as none", async () => {
  const ask = async (id: string | null, signal?: AbortSignal) =>
    fetch(`${gateway.url}/graphql/stream`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({
        query: "subscription ($id: ID) { generationEvents(id: $id) { __typename } }",
        variables: { id },
      }),
      ...(signal && { signal }),
    });
  expect(await (await ask("")).text()).toContain(`"code":"NOT_FOUND"`);
  const leaving = new AbortController();
  await ask(null, leaving.signal);
  await poll(
    async () => gateway.gateway.images.watching,
    (count) => count === 1,
  );
  leaving.abort();
  await poll(
    async () => gateway.gateway.images.watching,
    (count) => count === 0,
  );
});
