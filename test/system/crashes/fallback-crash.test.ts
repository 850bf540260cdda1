import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { generateImages, graphql } from "../../support/clients/graphql-client.ts";
import { gatewayProcesses } from "../../support/processes/gateway-processes.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

/** For starting real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;
const FIELDS = "status model { id } warnings { code } failure { code billed } cost costIsEstimated";

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();
let first: StrictImageApi;
let second: Server;
let connections: Socket[];

beforeEach(async () => {
  first = await startStrictImageApi();
  connections = [];
  // This server accepts connections and never reads from them.
  second = createServer({ pauseOnConnect: true }, (socket) => connections.push(socket.on("error", () => {})));
  second.listen(0, "127.0.0.1");
  await once(second, "listening");
});

afterEach(async () => {
  for (const connection of connections) connection.destroy();
  second.close();
  await first.close();
});

test(
  "a crash between the decision to fall back and the second model's call submits nothing twice and is reported",
  async () => {
    const directory = await newDirectory();
    const baseURL = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;
    const models = {
      flux: {
        provider: "ai-sdk",
        package: "@ai-sdk/fal",
        model: "fal-ai/flux/dev",
        settings: { baseURL },
      },
    };
    const file = join(directory, "models.json");
    await writeFile(file, JSON.stringify({ models, aliases: { sturdy: ["gpt-image-2", "flux"] } }));
    const env = {
      FAL_API_KEY: "any",
      OPENAI_API_KEY: first.apiKey,
      OPENAI_BASE_URL: first.baseUrl,
      PICTOGRAPH_MODELS_FILE: file,
      PICTOGRAPH_DATA_DIR: join(directory, "data"),
    };
    const crashing = await startService(env);
    first.respondWith({ error: { status: 503, headers: { "retry-after": "0" } } });
    const input = { prompt: "a fox", model: "sturdy", idempotencyKey: "k" };
    const lost = expect(generateImages(crashing.url, input)).rejects.toThrow();
    await once(second, "connection");
    await crashing.kill();
    await lost;
    const callsBefore = first.callCount;

    first.respondWith("normal");
    const next = await startService(env);
    const mutation = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${FIELDS} } }`;
    const { data } = await graphql(next.url, mutation, { input: { size: "64x64", ...input } });
    expect(data.generateImages).toEqual({
      status: "FAILED",
      model: { id: "flux" },
      warnings: [{ code: "MODEL_FELL_BACK" }],
      failure: { code: "INTERRUPTED", billed: "UNKNOWN" },
      // The default budget's amount for an image of unknown cost.
      cost: "0.500000",
      costIsEstimated: true,
    });
    expect(connections.map(({ bytesRead }) => bytesRead)).toEqual([0]);
    expect(first.callCount).toBe(callsBefore);
  },
  TIMEOUT_MS,
);
