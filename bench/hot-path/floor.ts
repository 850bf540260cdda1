import { randomUUID } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/**
 * The least possible work: calls the provider, scans each piece of its answer for the field, decodes it in place and
 * appends it to a file. It checks nothing, syncs nothing, keeps no record, and supports no other form of answer.
 */
const { PICTOGRAPH_DATA_DIR: directory = "", OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
const FIELD = Buffer.from('"b64_json":"');
const QUOTE = 0x22;

const server = createServer(async (request, response) => {
  const { prompt, n, size } = JSON.parse(await text(request));
  const order = { model: "gpt-image-2.6-flare", prompt, n: Number(n), size, quality: "auto", output_format: "png" };
  const call = sendRequest(`${OPENAI_BASE_URL}/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPENAI_API_KEY}`, "content-type": "application/json" },
  });
  call.end(JSON.stringify(order));
  call.on("response", async (answer) => {
    const names: string[] = [];
    let file: number | undefined;
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of answer) {
      let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      rest = Buffer.alloc(0);
      while (bytes.length > 0) {
        if (file === undefined) {
          const at = bytes.indexOf(FIELD);
          if (at === -1) {
            rest = bytes.subarray(-(FIELD.length - 1));
            break;
          }
          names.push(`${randomUUID()}.png`);
          file = openSync(join(directory, names.at(-1) ?? ""), "w");
          bytes = bytes.subarray(at + FIELD.length);
        }
        const quote = bytes.indexOf(QUOTE);
        const end = quote === -1 ? bytes.length - (bytes.length % 4) : quote;
        writeSync(file, Buffer.from(bytes.toString("latin1", 0, end), "base64"));
        if (quote === -1) {
          rest = bytes.subarray(end);
          break;
        }
        closeSync(file);
        file = undefined;
        bytes = bytes.subarray(end);
      }
    }
    const urlList = names.map((name) => `http://localhost/images/${name}`);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ urlResponse: { urlList }, errorMessage: "OK" }));
  });
}).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
