import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

let gateway: ScriptedGateway;
let cwd: string;
beforeAll(async () => {
  gateway = await startScriptedGateway();
});
beforeEach(async () => {
  cwd = await newDirectory();
  gateway.provider.script = makeImages;
});
afterAll(() => gateway.close());

const GENERATE = ["generate", "a fox", "--size", "64x64", "-o", "fox.png"];

describe("Ctrl-C", () => {
  test("leaves the generation to the gateway, where its images can be fetched later", async () => {
    const hold = holdCalls(gateway.provider);
    const followed = Promise.withResolvers<void>();
    const observed = createServer((request, response) => {
      if (request.url === "/graphql/stream") followed.resolve();
      gateway.gateway.app(request, response);
    }).listen(0, "127.0.0.1");
    await once(observed, "listening");
    const env = { PICTOGRAPH_URL: `http://127.0.0.1:${(observed.address() as AddressInfo).port}` };
    const interrupted = await runCommand(GENERATE, {
      cwd,
      env,
      async meanwhile(command) {
        await followed.promise;
        command.signal("SIGINT");
      },
    });
    const id = /gen_\w+/.exec(interrupted.stderr)?.[0] ?? "";

    expect(interrupted).toMatchObject({
      code: 130,
      stdout: "",
      stderr: `Interrupted. The generation continues; to get its images: pictograph watch ${id} -o NAME\n`,
    });
    expect(await readdir(cwd)).toEqual([]);
    hold.release();
    const watched = await runCommand(["watch", id, "-o", "fox.png"], { cwd, env });
    expect(watched).toMatchObject({ code: 0, stdout: "fox.png\n", stderr: "" });
    observed.closeAllConnections();
    observed.close();
  });

  test("while the request is sent says where to look", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { code, stderr } = await runCommand(GENERATE, {
      cwd,
      env: { PICTOGRAPH_URL: `http://127.0.0.1:${port}` },
      async meanwhile(command) {
        await once(silent, "request");
        command.signal("SIGINT");
      },
    });
    silent.closeAllConnections();
    silent.close();

    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: "Interrupted. If the gateway has accepted the request, `pictograph list` shows it.\n",
    });
  });

  test("while images are saved leaves no partial file", async () => {
    const stored = await runCommand([...GENERATE.slice(0, 4), "--json"], { cwd, env: { PICTOGRAPH_URL: gateway.url } });
    const [image] = JSON.parse(stored.stdout).images;
    const downloading = Promise.withResolvers<void>();
    const half = createServer((request, response) => {
      if (request.url === "/image") {
        response.writeHead(200, { "Content-Length": image.byteSize }).write("x");
        downloading.resolve();
        return;
      }
      const url = `http://${request.headers.host}/image`;
      const generation = { ...JSON.parse(stored.stdout), images: [{ ...image, url }] };
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ data: { generation } }));
    }).listen(0, "127.0.0.1");
    await once(half, "listening");
    const directory = await newDirectory();
    const { port } = half.address() as AddressInfo;
    const { code, stderr } = await runCommand(["show", "gen_x", "-o", "fox.png"], {
      cwd: directory,
      env: { PICTOGRAPH_URL: `http://127.0.0.1:${port}` },
      async meanwhile(command) {
        await downloading.promise;
        command.signal("SIGINT");
      },
    });
    half.closeAllConnections();
    half.close();

    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringMatching(/^Interrupted\. /) });
    expect(await readdir(directory)).toEqual([]);
  });

  test("ends a watch of all generations", async () => {
    const env = { PICTOGRAPH_URL: gateway.url };
    const { code, stderr, stdout } = await runCommand(["watch"], {
      cwd,
      env,
      async meanwhile(command) {
        let isSeen = false;
        const seen = command.hasPrinted("SUCCEEDED").then(() => {
          isSeen = true;
        });
        // Nothing tells when the command has subscribed: generations are made until it sees one.
        while (!isSeen) {
          await gateway.graphql('mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }');
        }
        await seen;
        command.signal("SIGINT");
      },
    });

    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
    expect(stdout).toMatch(/^\S+Z\tgen_\w+\tSUCCEEDED$/m);
  });
});
