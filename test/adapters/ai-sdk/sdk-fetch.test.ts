import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createSdkFetch } from "../../../src/adapters/ai-sdk/sdk-fetch.ts";

let server: Server;
let origin: string;
let received: { readonly message: IncomingMessage; readonly body: Buffer<ArrayBuffer> }[];
/** The statuses of the next answers; 200 after that. */
let statuses: number[];

beforeEach(async () => {
  received = [];
  statuses = [];
  server = createServer(async (message, answer) => {
    received.push({ message, body: await buffer(message) });
    const status = statuses.shift() ?? 200;
    answer.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end(`answer ${status}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
});

/** A private address is allowed only for a server that got a submission. */
async function fetchAfterSubmission(): Promise<typeof fetch> {
  const sdkFetch = createSdkFetch({ wait: async () => {} });
  await sdkFetch(`${origin}/submit`, { method: "POST", body: "{}" });
  received = [];
  return sdkFetch;
}

test("a form is sent as a form", async () => {
  const form = new FormData();
  form.set("prompt", "a fox");
  form.set("image", new Blob(["pixels"], { type: "image/png" }), "image.png");
  await createSdkFetch()(`${origin}/edit`, { method: "POST", headers: { "x-key": "the key" }, body: form });
  const [{ message, body } = { message: undefined, body: undefined }] = received;
  expect(message?.headers).toMatchObject({ "x-key": "the key" });
  const type = message?.headers["content-type"] ?? "";
  const read = await new Response(body, { headers: { "content-type": type } }).formData();
  expect(read.get("prompt")).toBe("a fox");
  expect(await (read.get("image") as File).text()).toBe("pixels");
});

test.each([500, 503, 429, 302])("a submission answered with %i is sent only once", async (status) => {
  statuses = [status];
  const response = await createSdkFetch()(`${origin}/submit`, { method: "POST", body: "{}" });
  expect([response.status, received.length]).toEqual([status, 1]);
});

test("a result is requested again until it is there", async () => {
  const sdkFetch = await fetchAfterSubmission();
  statuses = [404, 503, 429];
  const response = await sdkFetch(`${origin}/result`);
  expect([await response.text(), received.length]).toEqual(["answer 200", 4]);
});

test.each([302, 400, 401, 410, 422])("a result with the final status %i is requested once", async (status) => {
  const sdkFetch = await fetchAfterSubmission();
  statuses = [status];
  expect([(await sdkFetch(`${origin}/result`)).status, received.length]).toEqual([status, 1]);
});

test("a private address is not requested, unless the submission went there", async () => {
  await expect(createSdkFetch()(`${origin}/result`)).rejects.toThrow("a private address");
  const sdkFetch = createSdkFetch({
    wait: async () => {},
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
  });
  const { port } = server.address() as AddressInfo;
  await expect(sdkFetch(`http://vendor.example:${port}/result`)).rejects.toThrow("fetch failed");
  expect(received).toEqual([]);
});

test("aborting the call ends the wait", async () => {
  const left = new AbortController();
  const sdkFetch = createSdkFetch({
    wait: async () => {
      left.abort(new Error("left"));
      throw new Error("aborted");
    },
  });
  await sdkFetch(`${origin}/submit`, { method: "POST", body: "{}" });
  statuses = [503];
  await expect(sdkFetch(`${origin}/result`, { signal: left.signal })).rejects.toThrow("left");
});
