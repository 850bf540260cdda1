import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { graphqlMultipart } from "../../support/clients/graphql-multipart.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";
import { gatewayProcesses } from "../../support/processes/gateway-processes.ts";
import { unlinkedFiles } from "../../support/stores/unlinked-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

const EDIT = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }";
const VARIABLES = { input: { prompt: "a fox", images: [{ upload: null }] } };

/** The fields before the file in a form, by path. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "/graphql": {
    operations: JSON.stringify({ query: EDIT, variables: VARIABLES }),
    map: '{"image": ["variables.input.images.0.upload"]}',
  },
  "/v1/images/edits": { prompt: "a fox" },
};

test(
  "a kill while files arrive leaves none of the files behind",
  async () => {
    const temporary = await newDirectory();
    const service = await startService({ TMPDIR: temporary });
    const picture = await plainImage(960, 640, 1, "PNG");
    for (const path of Object.keys(FIELDS)) sendHalf(service.url, path, picture);
    const arriving = async () => {
      // This request is answered only after everything sent before was read, however slow the machine.
      await fetch(`${service.url}/healthz`);
      const paths = await unlinkedFiles(service.processId);
      return paths.filter((path) => path.startsWith(temporary));
    };
    await poll(arriving, (paths) => paths.length === 2);
    expect(await readdir(temporary)).toEqual([]);
    await service.kill();

    expect(await readdir(temporary)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "files that do not fit on the disk are reported immediately, as a fault of the gateway",
  async () => {
    const { url } = await startService({ TMPDIR: "/nowhere", LOG_LEVEL: "fatal" });
    const bytes = await plainImage(96, 64, 1, "PNG");
    const form = new FormData();
    form.append("prompt", "a fox");
    form.append("image", new Blob([new Uint8Array(bytes)], { type: "image/png" }));
    const rest = await fetch(`${url}/v1/images/edits`, { method: "POST", body: form });
    const operation = { query: EDIT, variables: VARIABLES };
    const graph = await graphqlMultipart(url, operation, [{ path: "variables.input.images.0.upload", bytes }]);

    expect({ status: rest.status, body: await rest.json() }).toMatchObject({
      status: 500,
      body: { error: { code: "internal" } },
    });
    expect(graph.body.errors).toMatchObject([{ extensions: { code: "INTERNAL" } }]);
  },
  TIMEOUT_MS,
);

/** Begins an upload whose headers promise more bytes. */
function sendHalf(url: string, path: string, file: Buffer): void {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  sockets.push(socket);
  const fields = Object.entries(FIELDS[path] ?? {}).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  socket.write(
    [
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nApollo-Require-Preflight: 1\r\nContent-Length: 1000000\r\n`,
      "Content-Type: multipart/form-data; boundary=b\r\n\r\n",
      ...fields,
      '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n',
    ].join(""),
  );
  socket.write(file);
}
