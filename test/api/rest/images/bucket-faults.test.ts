import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { graphqlMultipart } from "../../../support/clients/graphql-multipart.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../../support/gateways/scripted-provider.ts";
import { type Fault, type FaultyProxy, startFaultyProxy } from "../../../support/network/faulty-proxy.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../../../support/stores/s3-server.ts";

const FIELDS = { prompt: "a fox", n: "1", size: "256x192" };
const EDIT = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }";
const DENIED: Fault = { kind: "answer", status: 403, code: "AccessDenied" };

let s3: S3Server;
let proxy: FaultyProxy;
let bucket: string;
let gateway: ScriptedGateway;

beforeAll(async () => {
  s3 = await startS3Server("@20minutes/s3rver");
  proxy = await startFaultyProxy(s3.endpoint);
});

afterAll(async () => {
  await proxy.close();
  await s3.stop();
});

beforeEach(async () => {
  bucket = await s3.newBucket();
  const options = { bucket, endpoint: proxy.endpoint, region: "us-east-1", credentials: S3_CREDENTIALS };
  gateway = await startScriptedGateway({ s3: options, isRedirecting: false }, [ANY_SIZE_EDITOR]);
});

afterEach(async () => {
  proxy.fault = () => undefined;
  await gateway.close();
});

/** Causes this fault once, in the next request for this operation. */
function failOnce(operation: string, fault: Fault): void {
  proxy.fault = (request) => {
    if (request.operation !== operation) return undefined;
    proxy.fault = () => undefined;
    return fault;
  };
}

async function widthOf(url: string | undefined): Promise<number> {
  const { status, body } = await httpRequest(String(url));
  expect(status).toBe(200);
  const image = sharp(body, { failOn: "truncated" });
  await image.stats();
  return (await image.metadata()).width;
}

describe("a bucket that refuses a write", () => {
  test("of a new image causes an internal error without details, leaves nothing, and blocks no other request", async () => {
    failOnce("PUT", DENIED);
    const refused = await getImageAsJson(gateway.url, FIELDS);

    expect({ status: refused.status, urlList: refused.urlList }).toEqual({ status: 500, urlList: [] });
    expect(refused.errorMessage).toMatch(
      /^an internal error stopped this generation; the operator can find it in the log by gen_[0-9a-z]{26}$/,
    );
    expect(await s3.footprint(bucket)).toEqual([]);
    expect(await widthOf((await getImageAsJson(gateway.url, FIELDS)).urlList[0])).toBe(256);
  });

  test("of an uploaded file keeps its edit from being accepted and paid for", async () => {
    failOnce("PUT", DENIED);
    const variables = { input: { prompt: "a cat in it", images: [{ upload: null }] } };
    const { body } = await graphqlMultipart(gateway.url, { query: EDIT, variables }, [
      { path: "variables.input.images.0.upload", bytes: await plainImage(96, 64, 1, "PNG") },
    ]);

    expect(body.errors).toMatchObject([{ extensions: { code: "INTERNAL" } }]);
    expect(body.errors?.[0]?.message).not.toMatch(/S3|Denied|bucket/i);
    expect(gateway.provider.requests).toEqual([]);
    expect(await s3.footprint(bucket)).toEqual([]);
    const { body: list } = await gateway.graphql("{ generations { edges { node { id } } } }");
    expect(list.data.generations.edges).toEqual([]);
  });
});

describe("a client gets its image even if the bucket", () => {
  test.each<[string, string, Fault]>([
    ["breaks the upload off", "PUT", { kind: "reset", afterBytes: 100 }],
    ["loses the answer to the upload", "PUT", { kind: "lose-answer" }],
    ["is busy for a moment", "PUT", { kind: "answer", status: 503, code: "SlowDown" }],
    ["breaks the download off", "GET", { kind: "cut-answer", afterBytes: 100 }],
  ])("%s", async (_what, operation, fault) => {
    const from = proxy.operations.length;
    failOnce(operation, fault);
    const { status, urlList } = await getImageAsJson(gateway.url, FIELDS);

    expect(status).toBe(200);
    expect(await widthOf(urlList[0])).toBe(256);
    // The failed request, and its retry.
    expect(proxy.operations.slice(from).filter((name) => name === operation)).toHaveLength(2);
    expect(gateway.provider.requests).toHaveLength(1);
  });
});
