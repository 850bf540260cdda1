import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

let server: Server | undefined;
let cwd: string;
beforeEach(async () => {
  cwd = await newDirectory();
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answer =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  };

describe("an answer that is not from a gateway, or from another version, is reported:", () => {
  test.each<[string, RequestListener, string, number]>([
    [
      "a page",
      (_request, response) => void response.setHeader("Content-Type", "text/html").end("<h1>hello</h1>"),
      "is not a Pictograph gateway (status 200, text/html); set PICTOGRAPH_URL",
      1,
    ],
    ["other JSON", answer({ hello: "world" }), "is not a Pictograph gateway (status 200, application/json)", 1],
    [
      "a proxy whose gateway is away",
      (_request, response) => void response.writeHead(502).end(),
      "cannot answer now (status 502)",
      1,
    ],
    [
      "a redirect",
      (_request, response) => void response.writeHead(301, { Location: "https://pictures.example/" }).end(),
      "redirects to https://pictures.example/; set PICTOGRAPH_URL to the address behind it",
      2,
    ],
    [
      "a gateway of another version",
      answer(
        {
          errors: [
            {
              message: 'Cannot query field "costIsEstimated" on type "Generation".',
              extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
            },
          ],
        },
        400,
      ),
      "is of another version than this command line, and does not know what it asks for (Cannot query field",
      1,
    ],
    [
      "a message with escape sequences",
      answer({ errors: [{ message: "\u001b]0;title\u0007\u009b31mred\nnext line \u202e" }] }),
      "\ufffd]0;title\ufffd\ufffd31mred next line \ufffd\n",
      1,
    ],
    ["errors in the wrong format", answer({ errors: ["nothing"] }), "is not a Pictograph gateway", 1],
  ])("%s", async (_name, listener, message, exitCode) => {
    const { code, stdout, stderr } = await runCommand(["list"], { env: { PICTOGRAPH_URL: await serve(listener) } });

    expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("no answer", async () => {
    const url = await serve(answer({}));
    server?.close();
    server?.closeAllConnections();
    const { code, stderr } = await runCommand(["list"], { env: { PICTOGRAPH_URL: url } });

    expect(code).toBe(1);
    expect(stderr).toBe(
      `✗ no gateway answers at ${url} (ECONNREFUSED); start one with \`pictograph\`, or set PICTOGRAPH_URL to the address of one\n`,
    );
  });

  test("an error text of a million characters is cut", async () => {
    const url = await serve(answer({ errors: [{ message: "x".repeat(1_000_000) }] }));
    const { stderr } = await runCommand(["list"], { env: { PICTOGRAPH_URL: url } });

    expect(stderr.length).toBeLessThan(1000);
  });

  test("an endless answer is not read to its end", async () => {
    const url = await serve((_request, response) => {
      const piece = Buffer.alloc(1024 * 1024, "x");
      const send = () => {
        while (response.write(piece)) {}
      };
      response.on("drain", send);
      send();
    });
    const { code, stderr } = await runCommand(["list"], { env: { PICTOGRAPH_URL: url } });

    expect(code).toBe(1);
    expect(stderr).toContain("is not a Pictograph gateway");
  });

  test("an id that contains a path is not used as one, and a damaged image is not kept", async () => {
    const image = { id: "../../evil", index: 0, width: 64, height: 64, format: "PNG", byteSize: 3, sha256: "00" };
    const generation = { id: "gen_x", status: "SUCCEEDED", n: 1, format: "PNG", warnings: [], failure: null };
    const url = await serve((request, response) => {
      if (request.url === "/image") response.end("abc");
      else {
        const images = [{ ...image, url: `http://${request.headers.host}/image` }];
        answer({ data: { generation: { ...generation, images } } })(request, response);
      }
    });
    const { code, stderr } = await runCommand(["show", "gen_x", "-o", "."], { cwd, env: { PICTOGRAPH_URL: url } });

    expect(code).toBe(1);
    expect(stderr).toContain("an image arrived damaged");
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe("after a broken connection", () => {
  test("an event stream is opened again, and a request is sent again under its key", async () => {
    const gateway = await startScriptedGateway();
    const counts = { stream: 0, request: 0 };
    const url = await serve((request, response) => {
      if (request.url === "/graphql/stream" && ++counts.stream === 1) {
        response.writeHead(200, { "Content-Type": "text/event-stream" }).write(":\n\n");
        response.destroy();
      } else if (request.url === "/graphql" && ++counts.request === 1) {
        // The gateway gets the request, and its answer gets lost.
        gateway.gateway.app(request, Object.assign(response, { end: () => response.destroy(), write: () => false }));
      } else gateway.gateway.app(request, response);
    });
    const result = await runCommand(["generate", "a fox", "--size", "64x64", "-o", "fox.png"], {
      cwd,
      env: { PICTOGRAPH_URL: url },
    });
    await gateway.close();

    expect(result).toMatchObject({ code: 0, stdout: "fox.png\n", stderr: "" });
    expect(counts.stream).toBe(2);
    expect(counts.request).toBeGreaterThan(1);
    expect(gateway.provider.requests).toHaveLength(1);
  });
});
