import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import express from "express";
import { graphql } from "graphql";
import { createGateway, type Gateway } from "../../src/index.ts";
import { FORM_HEADERS, toMultipartForm } from "../support/clients/graphql-multipart.ts";
import { ANY_SIZE_EDITOR } from "../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage, ScriptedProvider } from "../support/gateways/scripted-provider.ts";

const EDIT = `mutation ($file: Upload!) {
  editImages(input: { prompt: "a fox", images: [{ upload: $file }] }) { status }
}`;

let gateway: Gateway;
let dataDir: string;
let server: Server | undefined;
let received: Buffer[];

beforeEach(async () => {
  const provider = new ScriptedProvider([ANY_SIZE_EDITOR]);
  received = [];
  provider.script = async function* (request) {
    for (const image of request.edit?.images ?? []) received.push(await buffer(image.read()));
    yield* makeImages(request);
  };
  dataDir = await mkdtemp(join(tmpdir(), "pictograph-test-"));
  gateway = await createGateway({ dataDir, providers: [provider], defaultModel: ANY_SIZE_EDITOR.id });
});

afterEach(async () => {
  server?.close();
  await gateway.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** GraphQL Yoga represents an upload as a `File`. */
async function yoga(): Promise<RequestListener> {
  // Imported by a computed name that the compiler does not follow: its types would add the browser's to the whole
  // program.
  const { createYoga } = await import("graphql-yoga" as string);
  return createYoga({ schema: gateway.schema }) as RequestListener;
}

/** The package `graphql-upload` represents an upload as its own object. */
async function expressWithGraphqlUpload(): Promise<RequestListener> {
  // It has no types.
  const { default: graphqlUploadExpress } = await import("graphql-upload/graphqlUploadExpress.mjs" as string);
  const app = express();
  app.post("/graphql", graphqlUploadExpress({ maxFileSize: 1_000_000, maxFiles: 1 }), async (request, response) => {
    const { query, variables } = request.body;
    response.json(await graphql({ schema: gateway.schema, source: query, variableValues: variables }));
  });
  return app;
}

test.each([yoga, expressWithGraphqlUpload])(
  "a host's own server passes its uploads to the gateway's schema: %p",
  async (host) => {
    server = createServer(await host()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const picture = await plainImage(96, 64, 1, "png");
    const form = toMultipartForm({ query: EDIT, variables: { file: null } }, [
      { path: "variables.file", bytes: picture },
    ]);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    const response = await fetch(url, { method: "POST", headers: FORM_HEADERS, body: form });

    expect(await response.json()).toEqual({ data: { editImages: { status: "SUCCEEDED" } } });
    expect(received).toEqual([picture]);
  },
);
