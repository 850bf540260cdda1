import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import OpenAI from "openai";

/**
 * A shim that takes an afternoon to write: Express and the official client, which holds each whole answer in memory.
 */
const { PICTOGRAPH_DATA_DIR: directory = "", OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
await mkdir(directory, { recursive: true });
const client = new OpenAI({ apiKey: OPENAI_API_KEY, baseURL: OPENAI_BASE_URL });
const app = express();
app.post("/get-image", express.json(), async (request, response) => {
  const { prompt, n, size } = request.body;
  const answer = await client.images.generate({
    model: "gpt-image-2.6-flare",
    prompt,
    n: Number(n),
    size,
    quality: "auto",
    output_format: "png",
  });
  const urlList = await Promise.all(
    (answer.data ?? []).map(async ({ b64_json = "" }) => {
      const name = `${randomUUID()}.png`;
      await writeFile(join(directory, name), Buffer.from(b64_json, "base64"));
      return `http://localhost/images/${name}`;
    }),
  );
  response.json({ urlResponse: { urlList }, errorMessage: "OK" });
});
app.post("/v1/images/generations", express.json(), async (request, response) => {
  response.json(await client.images.generate(request.body));
});
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
