import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
  type ObservableQuery,
} from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition, relayStylePagination } from "@apollo/client/utilities";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { GatewayError } from "../../src/errors.ts";
import { socketUrl } from "../support/clients/live-clients.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";

const FIELDS = gql`
  fragment Fields on Generation {
    id
    status
    prompt
    images { id url small: url(width: 16) tiny: url(width: 8, format: WEBP) placeholder }
    failure { code retryable }
  }
`;
const GENERATE = gql`
  mutation Generate($input: GenerateImagesInput!) { generateImages(input: $input) { ...Fields } }
  ${FIELDS}
`;
const GENERATION = gql`
  query Generation($id: ID!) { generation(id: $id) { ...Fields } }
  ${FIELDS}
`;
const HISTORY = gql`
  query History($first: Int, $after: String) {
    generations(first: $first, after: $after) {
      edges { cursor node { id prompt } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const EVENTS = gql`
  subscription Events($id: ID!) {
    generationEvents(id: $id) {
      ... on GenerationUpdate { id generation { ...Fields } }
      ... on PartialImageReady { imageIndex partialIndex url }
      ... on ImageReady { image { id width } }
    }
  }
  ${FIELDS}
`;
/** The minimal selection that keeps pages up to date. */
const UPDATES = gql`
  subscription Updates($id: ID!) {
    generationEvents(id: $id) { ... on GenerationUpdate { generation { ...Fields } } }
  }
  ${FIELDS}
`;

interface SeenGeneration {
  readonly id: string;
  readonly status: string;
  readonly images: readonly { readonly id: string; readonly url: string; readonly small: string }[];
}

interface SeenHistory {
  readonly generations: {
    readonly edges: readonly { readonly node: { readonly id: string } }[];
    readonly pageInfo: { readonly endCursor: string };
  };
}

let gateway: ScriptedGateway;
let client: ApolloClient;
let stopSocket: () => unknown;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

beforeEach(() => {
  gateway.provider.script = makeImages;
  const socket = createClient({ url: socketUrl(gateway.url), webSocketImpl: WebSocket, lazy: true });
  client = new ApolloClient({
    link: ApolloLink.split(
      ({ query }) => {
        const definition = getMainDefinition(query);
        return definition.kind === "OperationDefinition" && definition.operation === "subscription";
      },
      new GraphQLWsLink(socket),
      new HttpLink({ uri: `${gateway.url}/graphql` }),
    ),
    cache: new InMemoryCache({
      possibleTypes: { GenerationUpdate: ["GenerationStatusChanged", "PartialImageReady", "ImageReady"] },
      typePolicies: {
        Query: {
          fields: {
            generations: relayStylePagination(),
            generation: {
              read: (_known, { args, toReference }) => toReference({ __typename: "Generation", id: args?.id }),
            },
          },
        },
      },
    }),
  });
  stopSocket = () => socket.dispose();
});

afterEach(async () => {
  client.stop();
  await stopSocket();
});

/** The generated objects, as the client returns them. */
async function generate(input: object = {}): Promise<SeenGeneration> {
  const { data } = await client.mutate<{ generateImages: SeenGeneration }>({
    mutation: GENERATE,
    variables: { input: { prompt: "a fox", n: 2, size: "64x64", ...input } },
  });
  if (!data) throw new Error("the mutation gave nothing");
  return data.generateImages;
}

/** The result of the query in the cache, as soon as the condition holds. */
function shows<Data>(query: ObservableQuery<Data>, isAwaited: (data: Data) => boolean): Promise<Data> {
  return new Promise((resolve, reject) => {
    const view = query.subscribe(({ data, dataState, error }) => {
      if (error) reject(error);
      if (dataState !== "complete" || !isAwaited(data as Data)) return;
      resolve(data as Data);
      setImmediate(() => view.unsubscribe());
    });
  });
}

test("stores a mutation's result by its id, and each thumbnail beside the image itself", async () => {
  const { id, images } = await generate();
  const cached = client.cache.extract() as Record<string, Record<string, unknown>>;

  const [first, second] = images;
  expect(cached[`Generation:${id}`]?.images).toEqual([
    { __ref: `Image:${first?.id}` },
    { __ref: `Image:${second?.id}` },
  ]);
  expect(cached[`Image:${first?.id}`]).toMatchObject({
    url: first?.url,
    'url({"width":16})': first?.small,
    'url({"format":"WEBP","width":8})': expect.stringContaining("/8x-cover.webp?"),
  });

  const { data } = await client.query({ query: GENERATION, variables: { id }, fetchPolicy: "cache-only" });
  expect(data).toMatchObject({ generation: { id, status: "SUCCEEDED", images: [{ small: first?.small }, {}] } });
});

test.each([
  ["whole events", EVENTS],
  ["their generations alone", UPDATES],
])("follows a generation by %s, and updates every view", async (_what, subscription) => {
  const warned = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  const hold = holdCalls(gateway.provider);
  const { id, status } = await generate({ waitSeconds: 0 });
  expect(["QUEUED", "RUNNING"]).toContain(status);
  await hold.called;

  const isShown = shows<{ generation: SeenGeneration }>(
    client.watchQuery({ query: GENERATION, variables: { id }, fetchPolicy: "cache-only" }),
    ({ generation }) => generation.status === "SUCCEEDED" && generation.images.length === 2,
  );
  const events: string[] = [];
  const followed = Promise.withResolvers<void>();
  client.subscribe<{ generationEvents: { __typename: string } }>({ query: subscription, variables: { id } }).subscribe({
    next: ({ data }) => {
      events.push(data?.generationEvents.__typename ?? "nothing");
      hold.release();
    },
    error: followed.reject,
    complete: followed.resolve,
  });
  await followed.promise;

  expect(events).toEqual(["GenerationStatusChanged", "ImageReady", "ImageReady", "GenerationStatusChanged"]);
  const { images } = (await isShown).generation;
  // The client warns about lost data.
  expect(warned.mock.calls).toEqual([]);
  warned.mockRestore();
  if (subscription !== EVENTS) return;
  const cached = client.cache.extract() as Record<string, Record<string, unknown>>;
  for (const [index, image] of images.entries()) {
    expect(cached[`ImageReady:${id}/image-${index}`]).toMatchObject({
      generation: { __ref: `Generation:${id}` },
      image: { __ref: `Image:${image.id}` },
    });
  }
  expect(Object.keys(cached)).toEqual(
    expect.arrayContaining([`GenerationStatusChanged:${id}/RUNNING`, `GenerationStatusChanged:${id}/SUCCEEDED`]),
  );
});

test("pages through the history, and joins the pages", async () => {
  const made: string[] = [];
  for (const prompt of ["first", "second", "third"]) made.unshift((await generate({ prompt, n: 1 })).id);

  const history = client.watchQuery<SeenHistory>({ query: HISTORY, variables: { first: 2 } });
  const first = await shows(history, ({ generations }) => generations.edges.length === 2);
  const all = shows(history, ({ generations }) => generations.edges.length > 2);
  await history.fetchMore({ variables: { after: first.generations.pageInfo.endCursor } });

  const { generations } = await all;
  expect(generations.edges.slice(0, 3).map(({ node }) => node.id)).toEqual(made);
});

test("distinguishes errors by code, and reads a failed generation as data", async () => {
  const refused = generate({ n: 11 }).catch((error: unknown) => error);
  const error = await refused;
  expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toMatchObject({
    code: "BAD_USER_INPUT",
    field: "n",
  });

  gateway.provider.script = () => {
    throw new GatewayError("CONTENT_REJECTED", "this prompt is refused", { billed: "NO" });
  };
  expect(await generate()).toMatchObject({
    status: "FAILED",
    images: [],
    failure: { code: "CONTENT_REJECTED", retryable: false },
  });
});

test("removes deleted objects from its cache", async () => {
  const { id } = await generate({ n: 1 });
  await client.mutate({
    mutation: gql`mutation Delete($id: ID!) { deleteGeneration(id: $id) }`,
    variables: { id },
    update: (cache) => void cache.evict({ id: cache.identify({ __typename: "Generation", id }) ?? "" }),
  });

  expect(client.cache.extract()).not.toHaveProperty([`Generation:${id}`]);
  const { data } = await client.query({ query: GENERATION, variables: { id }, fetchPolicy: "network-only" });
  expect(data).toEqual({ generation: null });
});
