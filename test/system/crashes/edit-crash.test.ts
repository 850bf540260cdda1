import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { generateImages, graphql, listGenerations } from "../../support/clients/graphql-client.ts";
import { graphqlMultipart } from "../../support/clients/graphql-multipart.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../../support/images/source-images.ts";
import { gatewayProcesses } from "../../support/processes/gateway-processes.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();
let api: StrictImageApi;

beforeEach(async () => {
  api = await startStrictImageApi();
});

afterEach(() => api.close());

test(
  "an edit that waits during a crash runs after the next start, with its uploaded files",
  async () => {
    const env = {
      OPENAI_API_KEY: api.apiKey,
      OPENAI_BASE_URL: api.baseUrl,
      PICTOGRAPH_DATA_DIR: await newDirectory(),
      PICTOGRAPH_MAX_CONCURRENCY: "1",
    };
    const crashing = await startService(env);
    const hold = api.holdNext();
    const lost = expect(generateImages(crashing.url, { prompt: "in hand" })).rejects.toThrow();
    await hold.arrived;
    const [picture, mask] = [await plainImage(96, 64, 1, "PNG"), await leftHalfMask(96, 64)];
    const input = { prompt: "a fox in it", waitSeconds: 0, images: [{ upload: null }], mask: { upload: null } };
    const query = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id status } }";
    const { body } = await graphqlMultipart(crashing.url, { query, variables: { input } }, [
      { path: "variables.input.images.0.upload", bytes: picture },
      { path: "variables.input.mask.upload", bytes: mask },
    ]);
    expect(body.data.editImages.status).toBe("QUEUED");
    await crashing.kill();
    await lost;
    hold.release();

    const next = await startService(env);
    const { id } = body.data.editImages;
    const one = `query ($id: ID!) { generation(id: $id) { status images { width height } } }`;
    const { data } = await poll(
      () => graphql(next.url, one, { id }),
      (answer) => answer.data.generation.status === "SUCCEEDED",
    );
    expect(data.generation.images).toEqual([{ width: 96, height: 64 }]);
    expect(api.requests.at(-1)?.path).toBe("/v1/images/edits");
    expect(api.requests.at(-1)?.files.map(({ bytes }) => bytes)).toEqual([picture, mask]);
    expect(await listGenerations(next.url)).toMatchObject([{ status: "SUCCEEDED" }, { status: "FAILED" }]);
    const stored = await poll(
      () => storedFiles(next.dataDirectory),
      (paths) => !paths.some((path) => path.includes("/sources/")),
    );
    expect(stored.some((path) => path.includes(id))).toBe(true);
  },
  TIMEOUT_MS,
);
