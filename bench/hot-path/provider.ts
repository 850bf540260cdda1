import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { drawPicture, MODEL, PICTURES, PROVIDER_KEY } from "./pictures.ts";

/**
 * The stand-in for the provider, in a process of its own. It checks each call as OpenAI does, and sends a prepared
 * answer as fast as the caller reads.
 */
const COUNTS = [1, 4];
const PARAMETERS = new Set(["model", "prompt", "n", "size", "quality", "output_format", "background", "moderation"]);

const answers = new Map<string, Buffer>();
for (const picture of PICTURES) {
  const b64_json = (await drawPicture(picture)).toString("base64");
  for (const n of COUNTS) {
    const data = Array.from({ length: n }, () => ({ b64_json }));
    const usage = { input_tokens: 10, output_tokens: 272 * n, total_tokens: 10 + 272 * n };
    const answer = { created: 1_795_348_800, background: "opaque", data, output_format: "png", usage };
    answers.set(`${picture.label} ${n} ${picture.side}x${picture.side}`, Buffer.from(JSON.stringify(answer)));
  }
}

const server = createServer(async (request, response) => {
  // This list makes the gateway recognize OpenAI itself, so that it sends no parameters for compatible servers.
  if (request.method === "GET" && request.url === "/v1/models") {
    response.end(JSON.stringify({ object: "list", data: [{ id: MODEL, object: "model", shutdown_date: null }] }));
    return;
  }
  const order = JSON.parse(await text(request));
  const isAllowed = request.headers.authorization === `Bearer ${PROVIDER_KEY}`;
  const isWellFormed =
    request.url === "/v1/images/generations" && Object.keys(order).every((key) => PARAMETERS.has(key));
  const answer = answers.get(`${order.prompt} ${order.n} ${order.size}`);
  if (!isAllowed || !isWellFormed || !answer) {
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "Refused.", code: "invalid_value" } }));
    return;
  }
  response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
  response.end(answer);
}).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
