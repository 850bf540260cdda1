import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { routesOf, toAddress } from "../../../support/app-routes.ts";
import { RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { type CreatedKey, type KeyedGateway, startKeyedGateway } from "../../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR } from "../../../support/gateways/scripted-gateway.ts";
import { type IdentityProvider, startIdentityProvider } from "../../../support/network/identity-provider.ts";

const HOUR_MS = 3_600_000;

let gateway: KeyedGateway;
let now = new Date("2026-11-30T12:00:00Z");
/** A project's objects, which another project's key must not reach. */
let mine: {
  projectId: string;
  generationId: string;
  imageId: string;
  keyId: string;
  endpointId: string;
  deliveryId: string;
};
let refused: Readonly<Record<string, Record<string, string>>>;
let foreign: CreatedKey;
/** A JWT of the foreign project, and one of another end user of the project of `mine`. */
let foreignJwt: { readonly headers: { readonly Authorization: string } };
let otherEndUser: { readonly headers: { readonly Authorization: string } };
/** Keys that may make no images, or have used up their requests. */
let limited: Readonly<Record<string, CreatedKey>>;
let provider: IdentityProvider;

beforeAll(async () => {
  provider = await startIdentityProvider(() => now);
  gateway = await startKeyedGateway(
    {
      now: () => now,
      jwt: provider.config,
      metrics: "route",
      publicUrl: "https://pictures.example",
      // Webhooks are not delivered: the port refuses connections.
      webhooks: { allowHttp: true, allowPrivate: true },
    },
    [ANY_SIZE_EDITOR],
  );
  const projectId = await gateway.createProject({ name: "mine" });
  const key = await gateway.createKey(projectId);
  const { body } = await gateway.graphql(
    `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images { id } } }`,
    {},
    key.headers,
  );
  const { id, images } = body.data.generateImages;
  const asMine = async (query: string) => (await gateway.graphql(query, {}, key.headers)).body.data;
  const { createWebhookEndpoint } = await asMine(
    `mutation { createWebhookEndpoint(input: { url: "http://127.0.0.1:1/" }) { endpoint { id } } }`,
  );
  const endpointId = createWebhookEndpoint.endpoint.id;
  const { sendTestWebhook } = await asMine(`mutation { sendTestWebhook(endpointId: "${endpointId}") { id } }`);
  mine = {
    projectId,
    generationId: id,
    imageId: images[0].id,
    keyId: key.id,
    endpointId,
    deliveryId: sendTestWebhook.id,
  };
  const foreignProject = await gateway.createProject({ name: "foreign" });
  foreign = await gateway.createKey(foreignProject);
  const withJwt = async (claims: object) => ({
    headers: { Authorization: `Bearer ${await provider.sign({ sub: "ann", ...claims })}` },
  });

  const revoked = await gateway.createKey(projectId);
  await gateway.admin(`mutation { revokeApiKey(id: "${revoked.id}") { id } }`);
  const expired = await gateway.createKey(projectId, { expiresAt: new Date(now.getTime() + HOUR_MS).toISOString() });
  const disabled = await gateway.createKey(projectId);
  await gateway.admin(`mutation { updateApiKey(input: { id: "${disabled.id}", isDisabled: true }) { id } }`);
  const disabledProject = await gateway.createProject();
  const ofDisabled = await gateway.createKey(disabledProject);
  await gateway.admin(`mutation { updateProject(input: { id: "${disabledProject}", isDisabled: true }) { id } }`);
  const rotated = await gateway.createKey(projectId);
  await gateway.admin(`mutation { rotateApiKey(id: "${rotated.id}", overlapSeconds: 0) { token } }`);
  const expiredJwt = await withJwt({ pictograph_project: projectId });
  now = new Date(now.getTime() + 2 * HOUR_MS);
  foreignJwt = await withJwt({ pictograph_project: foreignProject });
  otherEndUser = await withJwt({ pictograph_project: projectId, sub: "eve" });
  const limitedProject = await gateway.createProject({ name: "limited" });
  const usedUp = await gateway.createKey(limitedProject, { limits: { requestsPerMinute: 1 } });
  await gateway.graphql(MAKE_ONE, {}, usedUp.headers);
  limited = {
    FORBIDDEN: await gateway.createKey(limitedProject, { limits: { operations: [] } }),
    MODEL_UNAVAILABLE: await gateway.createKey(limitedProject, { limits: { models: ["another-1"] } }),
    RATE_LIMITED: usedUp,
  };
  refused = {
    "no key": {},
    "an unknown key": { Authorization: `Bearer pgk_${"0".repeat(49)}` },
    "a revoked key": revoked.headers,
    "an expired key": expired.headers,
    "a disabled key": disabled.headers,
    "a key of a disabled project": ofDisabled.headers,
    "a token that was replaced": rotated.headers,
    "an expired JWT": expiredJwt.headers,
    "a JWT of another issuer": (await withJwt({ pictograph_project: projectId, iss: "https://evil.example" })).headers,
    "a JWT of a disabled project": (await withJwt({ pictograph_project: disabledProject })).headers,
    "a JWT that is changed": { Authorization: `${foreignJwt.headers.Authorization.slice(0, -6)}AAAAAA` },
  };
});

afterAll(async () => {
  await gateway.close();
  await provider.close();
});

const MAKE_ONE = `mutation { generateImages(input: { prompt: "a", size: "64x64" }) { id } }`;

const WAYS = [
  "no key",
  "an unknown key",
  "a revoked key",
  "an expired key",
  "a disabled key",
  "a key of a disabled project",
  "a token that was replaced",
  "an expired JWT",
  "a JWT of another issuer",
  "a JWT of a disabled project",
  "a JWT that is changed",
];

/** The routes without credentials, and why. */
const PUBLIC_ROUTES: Readonly<Record<string, string>> = {
  "GET /images/*path": "the signature is the authority",
  "GET /healthz": "load balancers ask",
  "GET /readyz": "load balancers ask",
  "GET /openapi.json": "a description",
  "GET /": "a static page, and a list of routes",
  "GET /docs": "a static page",
  "GET /docs/": "a static page",
  "GET /graphiql": "a static page",
  "GET /graphiql/": "a static page",
};

/** Every route of the app as `METHOD path`, with a method that it takes. */
function allRoutes(): string[] {
  return [...new Set(routesOf(gateway.gateway.app).map((route) => route.replace(/^ALL /, "GET ")))];
}

describe("every REST route", () => {
  test("is covered by this test", () => {
    const routes = allRoutes();

    expect(routes).toEqual(expect.arrayContaining(["POST /get-image", "POST /v1/images/generations", "GET /metrics"]));
    expect(routes.length).toBeGreaterThan(10);
  });

  test.each(WAYS)("refuses %s unless it is public", async (way) => {
    for (const route of [...allRoutes(), "GET /nothing-here", "DELETE /get-image"]) {
      const [method = "", path = ""] = route.split(" ");
      const response = await fetch(gateway.url + toAddress(path), {
        method,
        headers: { ...refused[way] },
        redirect: "manual",
      });
      const isOpenPage = route in PUBLIC_ROUTES;
      expect({ route, isRefused: response.status === 401 }).toEqual({ route, isRefused: !isOpenPage });
      if (!isOpenPage) expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  test.each(WAYS)("refuses %s in the response format of its API", async (way) => {
    const headers = { "Content-Type": "application/json", ...refused[way] };
    const answerOf = async (path: string, body: object) => {
      const response = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return (await response.json()) as object;
    };
    const message = expect.any(String);

    expect(await answerOf("/get-image", { prompt: "a", n: "1", size: "64x64" })).toEqual({
      urlResponse: { urlList: [] },
      errorMessage: message,
    });
    expect(await answerOf("/v1/images/generations", { prompt: "a" })).toEqual({
      error: { message, type: "invalid_request_error", param: null, code: "invalid_api_key" },
    });
    for (const path of ["/graphql", "/graphql/stream"]) {
      expect(await answerOf(path, { query: "{ __typename }" })).toEqual({
        errors: [{ message, extensions: { code: "UNAUTHENTICATED" } }],
      });
    }
  });
});

/** For each operation, another project's request for objects of `mine`, and the only allowed answer. */
const FOREIGN_REQUESTS: Readonly<Record<string, () => { readonly query: string; readonly answer: object }>> = {
  "Query.image": () => nothing(`{ image(id: "${mine.imageId}") { id url } }`, "image"),
  "Query.generation": () => nothing(`{ generation(id: "${mine.generationId}") { id prompt } }`, "generation"),
  "Query.generations": () => ({
    query: `{ generations(filter: { search: "fox" }) { totalCount edges { node { id } } } }`,
    answer: { data: { generations: { totalCount: 0, edges: [] } } },
  }),
  "Query.images": () => ({
    query: `{ images(filter: { search: "fox" }) { totalCount nodes { id url } } }`,
    answer: { data: { images: { totalCount: 0, nodes: [] } } },
  }),
  "Query.models": () => ({ query: "{ models { id } }", answer: { data: { models: expect.any(Array) } } }),
  "Query.quote": () => ({
    query: `{ quote(input: { prompt: "a" }) { model { id } } }`,
    answer: { data: { quote: expect.any(Object) } },
  }),
  "Query.quoteEdit": () =>
    notFound(`{ quoteEdit(input: { prompt: "a", images: [{ id: "${mine.imageId}" }] }) { maxCost } }`),
  "Query.usage": () => notFound(`{ usage(from: "2026-11-30T00:00:00Z", projectId: "${mine.projectId}") { images } }`),
  "Query.node": () => nothing(`{ node(id: "${mine.generationId}") { id } }`, "node"),
  "Query._entities": () => ({
    query: `{ _entities(representations: [
      { __typename: "Image", id: "${mine.imageId}" }, { __typename: "Generation", id: "${mine.generationId}" }
    ]) { __typename } }`,
    answer: { data: { _entities: [null, null] } },
  }),
  "Query._service": () => ({ query: "{ _service { sdl } }", answer: { data: { _service: expect.any(Object) } } }),
  "Query.viewer": () => ({
    query: "{ viewer { project { name apiKeys { nodes { id } } } apiKey { id } isAdmin } }",
    answer: {
      data: {
        viewer: {
          project: { name: "foreign", apiKeys: { nodes: [{ id: foreign.id }] } },
          apiKey: { id: foreign.id },
          isAdmin: false,
        },
      },
    },
  }),
  "Query.project": () => nothing(`{ project(id: "${mine.projectId}") { name } }`, "project"),
  "Query.projects": () => forbidden("{ projects { nodes { id } } }"),
  "Query.auditLog": () => forbidden("{ auditLog { nodes { id } } }"),
  "Mutation.generateImages": () => ({
    query: `mutation { generateImages(input: { prompt: "a", size: "64x64" }) { project { name } } }`,
    answer: { data: { generateImages: { project: { name: "foreign" } } } },
  }),
  "Mutation.editImages": () =>
    notFound(`mutation { editImages(input: { prompt: "a", images: [{ id: "${mine.imageId}" }] }) { id } }`),
  "Mutation.cancelGeneration": () => notFound(`mutation { cancelGeneration(id: "${mine.generationId}") { id } }`),
  "Mutation.deleteGeneration": () => notFound(`mutation { deleteGeneration(id: "${mine.generationId}") }`),
  "Mutation.deleteGenerations": () => ({
    query: `mutation { deleteGenerations(ids: ["${mine.generationId}"]) }`,
    answer: { data: { deleteGenerations: [] } },
  }),
  "Mutation.deleteImage": () => notFound(`mutation { deleteImage(id: "${mine.imageId}") }`),
  "Mutation.setFavorite": () =>
    notFound(`mutation { setFavorite(imageId: "${mine.imageId}", isFavorite: true) { id } }`),
  "Mutation.createProject": () => forbidden(`mutation { createProject(input: { name: "a" }) { id } }`),
  "Mutation.updateProject": () =>
    forbidden(`mutation { updateProject(input: { id: "${mine.projectId}", name: "a" }) { id } }`),
  "Mutation.createApiKey": () =>
    forbidden(`mutation { createApiKey(input: { projectId: "${mine.projectId}", name: "a" }) { token } }`),
  "Mutation.updateApiKey": () =>
    forbidden(`mutation { updateApiKey(input: { id: "${mine.keyId}", name: "a" }) { id } }`),
  "Mutation.rotateApiKey": () => forbidden(`mutation { rotateApiKey(id: "${mine.keyId}") { token } }`),
  "Mutation.revokeApiKey": () => forbidden(`mutation { revokeApiKey(id: "${mine.keyId}") { id } }`),
  "Mutation.deleteEndUserData": () => ({
    query: `mutation { deleteEndUserData(endUser: "nobody") }`,
    answer: { data: { deleteEndUserData: 0 } },
  }),
  "Query.webhookEndpoints": () => ({
    query: "{ webhookEndpoints { id url } }",
    answer: { data: { webhookEndpoints: [] } },
  }),
  "Query.webhookDeliveries": () => notFound(`{ webhookDeliveries(endpointId: "${mine.endpointId}") { nodes { id } } }`),
  "Mutation.createWebhookEndpoint": () => ({
    query: `mutation { createWebhookEndpoint(input: { url: "http://127.0.0.1:1/", events: ["budget.exhausted"] }) {
      endpoint { project { name } }
    } }`,
    answer: { data: { createWebhookEndpoint: { endpoint: { project: { name: "foreign" } } } } },
  }),
  "Mutation.updateWebhookEndpoint": () =>
    notFound(`mutation { updateWebhookEndpoint(input: { id: "${mine.endpointId}", isDisabled: true }) { url } }`),
  "Mutation.deleteWebhookEndpoint": () => notFound(`mutation { deleteWebhookEndpoint(id: "${mine.endpointId}") }`),
  "Mutation.rotateWebhookSecret": () =>
    notFound(`mutation { rotateWebhookSecret(id: "${mine.endpointId}") { secret } }`),
  "Mutation.sendTestWebhook": () =>
    notFound(`mutation { sendTestWebhook(endpointId: "${mine.endpointId}") { event } }`),
  "Mutation.redeliverWebhook": () =>
    notFound(`mutation { redeliverWebhook(deliveryId: "${mine.deliveryId}") { event } }`),
  "Subscription.generationEvents": () =>
    notFound(`subscription { generationEvents(id: "${mine.generationId}") { __typename } }`),
};

/** The answers to a JWT of the same project that differ from those to its key, because it stands for an end user. */
const JWT_ANSWERS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    [
      "Query.webhookEndpoints",
      "Query.webhookDeliveries",
      "Mutation.createWebhookEndpoint",
      "Mutation.updateWebhookEndpoint",
      "Mutation.deleteWebhookEndpoint",
      "Mutation.rotateWebhookSecret",
      "Mutation.sendTestWebhook",
      "Mutation.redeliverWebhook",
    ].map((name) => [name, { errors: [{ extensions: { code: "FORBIDDEN" } }] }]),
  ),
  "Query.viewer": { errors: [{ extensions: { code: "FORBIDDEN" } }] },
  "Mutation.deleteEndUserData": { errors: [{ extensions: { code: "FORBIDDEN" } }] },
};

/** The answers to another end user of the project of `mine` that differ from those to another project. */
const END_USER_ANSWERS: Readonly<Record<string, object>> = {
  "Query.project": { data: { project: { name: "mine" } } },
  "Query.usage": { data: { usage: [] } },
  "Mutation.generateImages": { data: { generateImages: { project: { name: "mine" } } } },
};

function nothing(query: string, field: string) {
  return { query, answer: { data: { [field]: null } } };
}

function errorWith(query: string, code: string) {
  return { query, answer: { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] } };
}

const forbidden = (query: string) => errorWith(query, "FORBIDDEN");
const notFound = (query: string) => errorWith(query, "NOT_FOUND");

describe("every GraphQL operation", () => {
  test("is covered by this test", async () => {
    const { __schema } = await gateway.admin(`{ __schema {
      queryType { name fields { name } } mutationType { name fields { name } } subscriptionType { name fields { name } }
    } }`);
    const roots = [__schema.queryType, __schema.mutationType, __schema.subscriptionType];
    const operations = roots.flatMap(({ name, fields }) =>
      fields.map((field: { name: string }) => `${name}.${field.name}`),
    );

    expect(Object.keys(FOREIGN_REQUESTS).sort()).toEqual(operations.sort());
  });

  test.each(Object.keys(FOREIGN_REQUESTS))("%s is refused as a whole without a key that works", async (name) => {
    const { query } = FOREIGN_REQUESTS[name]?.() ?? { query: "" };
    for (const way of WAYS) {
      for (const path of ["/graphql", "/graphql/stream"]) {
        const response = await fetch(gateway.url + path, {
          method: "POST",
          headers: { "Content-Type": "application/json", Accept: "text/event-stream, */*", ...refused[way] },
          body: JSON.stringify({ query }),
        });
        expect({ way, path, status: response.status }).toEqual({ way, path, status: 401 });
        expect(await response.text()).not.toContain('"data"');
      }
    }
  });

  const everyRequest = Object.keys(FOREIGN_REQUESTS);

  test.each(everyRequest)("%s shows a key nothing of another project", async (name) => {
    const { query, answer } = FOREIGN_REQUESTS[name]?.() ?? { query: "", answer: {} };

    expect(await send(name, query, foreign)).toMatchObject(answer);
  });

  test.each(everyRequest)("%s shows a JWT nothing of another project or another end user", async (name) => {
    const { query, answer } = FOREIGN_REQUESTS[name]?.() ?? { query: "", answer: {} };

    expect(await send(name, query, foreignJwt)).toMatchObject(JWT_ANSWERS[name] ?? answer);
    expect(await send(name, query, otherEndUser)).toMatchObject(END_USER_ANSWERS[name] ?? JWT_ANSWERS[name] ?? answer);
  });

  async function send(name: string, query: string, { headers }: Pick<CreatedKey, "headers">) {
    const isSubscription = name.startsWith("Subscription.");
    const response = await fetch(`${gateway.url}/graphql${isSubscription ? "/stream" : ""}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream, */*", ...headers },
      body: JSON.stringify({ query }),
    });
    const text = await response.text();
    return isSubscription ? JSON.parse(/^data: (\{.*\})$/m.exec(text)?.[1] ?? "") : JSON.parse(text);
  }
});

describe("every operation and route that makes images", () => {
  test.each(["FORBIDDEN", "MODEL_UNAVAILABLE", "RATE_LIMITED"])(
    "is refused with %s if a limit forbids it",
    async (code) => {
      const { headers } = limited[code] as CreatedKey;
      const { body: stored } = await gateway.graphql("{ images { nodes { id } } }", {}, headers);
      const imageId = stored.data.images.nodes[0].id;
      const edit = `editImages(input: { prompt: "a", images: [{ id: "${imageId}" }] }) { id }`;
      const count = gateway.provider.requests.length;

      for (const query of [MAKE_ONE, `mutation { ${edit} }`]) {
        const { body } = await gateway.graphql(query, {}, headers);
        expect(body.errors?.[0]?.extensions).toMatchObject({ code });
        expect(body.data).toBeFalsy();
      }
      const statuses: Record<string, readonly number[]> = {
        FORBIDDEN: [403, 403, 403],
        MODEL_UNAVAILABLE: [400, 404, 404],
        RATE_LIMITED: [429, 429, 429],
      };
      const sent = await Promise.all(
        [
          ["/get-image", { prompt: "a", n: "1", size: "64x64" }],
          ["/v1/images/generations", { prompt: "a" }],
          ["/v1/images/edits", { prompt: "a", images: [{ file_id: imageId }] }],
        ].map(([path, input]) =>
          fetch(gateway.url + path, {
            method: "POST",
            headers: { "Content-Type": "application/json", ...headers },
            body: JSON.stringify(input),
          }),
        ),
      );
      expect(sent.map(({ status }) => status)).toEqual(statuses[code]);
      expect(gateway.provider.requests).toHaveLength(count);
    },
  );
});

describe("a WebSocket", () => {
  test.each(WAYS)("is refused to a client with %s", async (way) => {
    const { Authorization } = refused[way] ?? {};
    const raw = await RawSocket.open(socketUrl(gateway.url));
    raw.send({ type: "connection_init", ...(Authorization && { payload: { Authorization } }) });

    expect(await raw.closed).toMatchObject({ code: 4401 });
    expect(raw.messages).toEqual([]);
  });

  test.each(WAYS.slice(1))("is refused to a client with %s in its upgrade headers", async (way) => {
    const socket = new WebSocket(socketUrl(gateway.url), "graphql-transport-ws", { headers: { ...refused[way] } });
    const error = await new Promise<Error>((resolve) => socket.once("error", resolve));

    expect(error.message).toContain("401");
  });

  test("runs nothing before connection_init", async () => {
    const raw = await RawSocket.open(socketUrl(gateway.url));
    raw.send({ type: "subscribe", id: "1", payload: { query: "{ __typename }" } });

    expect(await raw.closed).toMatchObject({ code: 4401 });
    expect(raw.messages).toEqual([]);
  });
});
