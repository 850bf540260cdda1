import { readFile } from "node:fs/promises";
import { composeServices } from "@apollo/composition";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginInlineTraceDisabled } from "@apollo/server/plugin/disabled";
import { startStandaloneServer } from "@apollo/server/standalone";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "graphql";
import { createClient } from "graphql-sse";
import { pino } from "pino";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

interface Router extends AsyncDisposable {
  readonly fetch: typeof fetch;
}

// Imported by computed names that the compiler does not follow: the packages' types would add the browser's to all of
// src/.
const { createGatewayRuntime } = await import("@graphql-hive/gateway-runtime" as string);
const { default: http } = await import("@graphql-mesh/transport-http" as string);
const { default: ws } = await import("@graphql-mesh/transport-ws" as string);

/** The transports between the router and the subgraph. */
const TRANSPORTS = [
  ["server-sent events", { kind: "http", location: "/graphql/stream", options: { method: "POST" } }, 0],
  ["WebSockets", { kind: "ws", location: "/graphql" }, 1],
] as const;

const CAPTIONS = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { languages: [String!]! }
  type Image @key(fields: "id") { id: ID!  caption: String! }
`);

const captions = new ApolloServer({
  plugins: [ApolloServerPluginInlineTraceDisabled()],
  stopOnTerminationSignals: false,
  schema: buildSubgraphSchema([
    {
      typeDefs: CAPTIONS,
      resolvers: {
        Query: { languages: () => ["en"] },
        Image: {
          __resolveReference: ({ id }: { id: string }) => ({ id }),
          caption: ({ id }: { id: string }) => `the caption of ${id}`,
        },
      },
    },
  ]),
});

let gateway: ScriptedGateway;
let supergraph: string;
const logLines: string[] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway({ logger: pino({}, { write: (line: string) => void logLines.push(line) }) });
  const { url } = await startStandaloneServer(captions, { listen: { port: 0 } });
  supergraph = composeServices([
    {
      name: "pictures",
      url: `${gateway.url}/graphql`,
      typeDefs: parse(await readFile(new URL("../../../../schema/subgraph.graphql", import.meta.url), "utf8")),
    },
    { name: "captions", url, typeDefs: CAPTIONS },
  ]).supergraphSdl as string;
});

afterAll(async () => {
  await captions.stop();
  await gateway.close();
});

interface SeenEvent {
  readonly generation?: { readonly status: string };
  readonly image?: { readonly id: string; readonly width: number; readonly caption: string };
}

test.each(TRANSPORTS)(
  "a client follows a generation through a router over %s, with fields from another subgraph",
  async (_name, subscriptions, sockets) => {
    logLines.length = 0;
    await using router: Router = createGatewayRuntime({
      supergraph,
      logging: false,
      transports: { http, ws },
      transportEntries: { pictures: { options: { subscriptions } } },
    });
    const hold = holdCalls(gateway.provider);
    const client = createClient({ url: "http://router.example/graphql", fetchFn: router.fetch, retryAttempts: 0 });
    const start = await router.fetch("http://router.example/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        query: 'mutation { generateImages(input: { prompt: "a fox", n: 2, size: "64x64", waitSeconds: 0 }) { id } }',
      }),
    });
    const { data } = (await start.json()) as { data: { generateImages: { id: string } } };
    await hold.called;

    const story: string[] = [];
    const events = client.iterate<{ generationEvents: SeenEvent }>({
      query: `subscription ($id: ID!) {
      generationEvents(id: $id) {
        ... on GenerationStatusChanged { generation { status } }
        ... on ImageReady { image { id width caption } }
      }
    }`,
      variables: { id: data.generateImages.id },
    });
    for await (const { data, errors } of events) {
      expect(errors).toBeUndefined();
      const { generation, image } = data?.generationEvents ?? {};
      story.push(
        generation ? generation.status : `${image?.width} pixels, ${image?.caption === `the caption of ${image?.id}`}`,
      );
      hold.release();
    }
    client.dispose();

    expect(story).toEqual(["RUNNING", "64 pixels, true", "64 pixels, true", "SUCCEEDED"]);
    expect(logLines.filter((line) => line.includes('"status":101'))).toHaveLength(sockets);
  },
);
