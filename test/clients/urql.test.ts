import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client, type ClientOptions, fetchExchange } from "@urql/core";
import { type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";

const MODELS = "query Models { models { id } }";
const GENERATE = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id status } }`;
const EVENTS = `subscription ($id: ID!) { generationEvents(id: $id) { ... on ImageReady { image { width } } } }`;

let gateway: ScriptedGateway;
beforeAll(async () => {
  gateway = await startScriptedGateway();
});
afterAll(() => gateway.close());

function clientWith(options: Partial<ClientOptions>): Client {
  return new Client({ url: `${gateway.url}/graphql`, exchanges: [fetchExchange], ...options });
}

test("queries over GET, its default, are refused with an error that names the headers to send", async () => {
  const { error } = await clientWith({}).query(MODELS, {}).toPromise();

  expect(error?.response).toMatchObject({ status: 400 });
  expect(error?.message).toMatch(/CSRF.*apollo-require-preflight/s);
});

test.each<[string, Partial<ClientOptions>]>([
  ["by POST", { preferGetMethod: false }],
  ["by GET with such a header", { fetchOptions: { headers: { "Apollo-Require-Preflight": "true" } } }],
])("queries %s are answered", async (_way, options) => {
  const { data, error } = await clientWith(options).query(MODELS, {}).toPromise();

  expect(error).toBeUndefined();
  expect(data).toMatchObject({ models: expect.arrayContaining([expect.objectContaining({ id: "any-size-1" })]) });
});

test("mutations run, and subscriptions over server-sent events", async () => {
  const { data } = await clientWith({}).mutation(GENERATE, {}).toPromise();
  expect(data).toMatchObject({ generateImages: { status: "SUCCEEDED" } });

  const streaming = clientWith({ url: `${gateway.url}/graphql/stream`, fetchSubscriptions: true });
  const seen = Promise.withResolvers<unknown>();
  const { unsubscribe } = streaming.subscription(EVENTS, { id: data.generateImages.id }).subscribe((result) => {
    if (result.error) seen.reject(result.error);
    if (result.data?.generationEvents.image) seen.resolve(result.data);
  });
  expect(await seen.promise).toMatchObject({ generationEvents: { image: { width: 64 } } });
  unsubscribe();
});
