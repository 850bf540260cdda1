import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FORM_HEADERS } from "../../../support/clients/graphql-multipart.ts";
import {
  ANY_SIZE_EDITOR,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { unlinkedFiles } from "../../../support/stores/unlinked-files.ts";

const EDIT = `mutation ($a: Upload!, $b: Upload!) {
  editImages(input: { prompt: "a fox", images: [{ upload: $a }, { upload: $b }] }) { status failure { code } }
}`;
const ONE = `mutation ($a: Upload!) { editImages(input: { prompt: "a fox", images: [{ upload: $a }] }) { status } }`;
const OPERATIONS = JSON.stringify({ query: EDIT, variables: { a: null, b: null } });
const MAP = '{"0": ["variables.a"], "1": ["variables.b"]}';

let gateway: ScriptedGateway;
let picture: Buffer;
/** The images that the provider read. */
let received: Buffer[];

beforeEach(async () => {
  gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  picture = await plainImage(96, 64, 3, "PNG");
  received = [];
  gateway.provider.script = async function* (request) {
    for (const image of request.edit?.images ?? []) received.push(await buffer(image.read()));
    yield* makeImages(request);
  };
});

afterEach(async () => {
  await poll(uploadsLeft, (files) => files.length === 0);
  await gateway.close();
});

async function uploadsLeft(): Promise<string[]> {
  return (await unlinkedFiles()).filter((path) => path.includes("/pictograph-upload-"));
}

type Part = readonly [name: string, content: string | Blob];

async function send(...parts: readonly Part[]) {
  const form = new FormData();
  for (const [name, content] of parts) form.append(name, content);
  const response = await fetch(`${gateway.url}/graphql`, { method: "POST", headers: FORM_HEADERS, body: form });
  return { status: response.status, body: (await response.json()) as Answer };
}

interface Answer {
  readonly data?: { readonly editImages?: object };
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

function file(bytes: Uint8Array = picture, type = "image/png"): Blob {
  return new Blob([new Uint8Array(bytes)], { type });
}

describe("a multipart request", () => {
  test("puts each file where its map says, whatever the order of the map", async () => {
    const other = await plainImage(70, 70, 4, "PNG");
    const map = '{"second": ["variables.b"], "first": ["variables.a"]}';
    const { body } = await send(["operations", OPERATIONS], ["map", map], ["first", file()], ["second", file(other)]);

    expect(body).toEqual({ data: { editImages: { status: "SUCCEEDED", failure: null } } });
    expect(received).toEqual([picture, other]);
  });

  test("may put one file in several places", async () => {
    const { body } = await send(
      ["operations", OPERATIONS],
      ["map", '{"0": ["variables.a", "variables.b"]}'],
      ["0", file()],
    );

    expect(body.data?.editImages).toMatchObject({ status: "SUCCEEDED" });
    expect(received).toEqual([picture, picture]);
  });

  test.each(["", "text/plain", "application/octet-stream"])("accepts files of type %j by their bytes", async (type) => {
    const part = (name: string, content: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
    const typeLine = type === "" ? "" : `Content-Type: ${type}\r\n`;
    const body = Buffer.concat([
      Buffer.from(part("operations", JSON.stringify({ query: ONE, variables: { a: null } }))),
      Buffer.from(part("map", '{"0": ["variables.a"]}')),
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="0"; filename="0"\r\n${typeLine}\r\n`),
      picture,
      Buffer.from("\r\n--b--\r\n"),
    ]);
    const headers = { ...FORM_HEADERS, "Content-Type": "multipart/form-data; boundary=b" };
    const response = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body });

    expect(await response.json()).toEqual({ data: { editImages: { status: "SUCCEEDED" } } });
    expect(received).toEqual([picture]);
  });

  test("may send its operation as a JSON file with a byte order mark", async () => {
    const operations = new Blob([`\uFEFF${OPERATIONS}`], { type: "application/json" });
    const { body } = await send(["operations", operations], ["map", MAP], ["0", file()], ["1", file()]);

    expect(body.data?.editImages).toMatchObject({ status: "SUCCEEDED" });
  });

  test("that lacks a file named in its map is refused with that reason", async () => {
    const { body } = await send(["operations", OPERATIONS], ["map", MAP], ["0", file()]);

    expect(body.errors).toMatchObject([
      { message: expect.stringContaining("the form has no file 1"), extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect(gateway.provider.requests).toEqual([]);
  });

  test("is answered while its files arrive if its operation needs none of them", async () => {
    const operations = JSON.stringify({ query: "query ($a: Upload) { __typename }", variables: { a: null } });
    const socket = await sendHalf(operations, '{"0": ["variables.a"]}');

    expect(await answerOn(socket)).toContain("400 Bad Request");
    socket.destroy();
  });

  test("runs its operation while its files arrive", async () => {
    const socket = await sendHalf(JSON.stringify({ query: ONE, variables: { a: null } }), '{"0": ["variables.a"]}');
    const answer = answerOn(socket);
    await poll(uploadsLeft, (files) => files.length === 1);
    socket.write(picture.subarray(picture.length / 2));
    socket.write("\r\n--b--\r\n");

    expect(await answer).toContain('"status":"SUCCEEDED"');
    expect(received).toEqual([picture]);
    socket.destroy();
  });
});

describe("a multipart request is refused", () => {
  afterEach(() => expect(gateway.provider.requests).toEqual([]));

  const variables = (variables: object) => JSON.stringify({ query: ONE, variables });
  const deep = { a: { b: { c: { d: { e: null } } } } };
  const many = Array.from({ length: 18 }, (_, index) => `"variables.list.${index}"`);

  test.each<[string, string, string]>([
    ["that is not JSON", variables({ a: null }), "{"],
    ["that is a list", variables({ a: null }), '[["variables.a"]]'],
    ["that gives a file no list", variables({ a: null }), '{"0": "variables.a"}'],
    ["that gives a file no place", variables({ a: null }), '{"0": []}'],
    ["with a path that is a number", variables({ a: null }), '{"0": [1]}'],
    ["with a place that is not there", variables({ a: null }), '{"0": ["variables.b"]}'],
    ["with a place that is text", variables({ a: "text" }), '{"0": ["variables.a"]}'],
    ["with a place that is an object", variables({ a: {} }), '{"0": ["variables.a"]}'],
    ["with a place inside a text", variables({ a: "text" }), '{"0": ["variables.a.length"]}'],
    ["with a place twice", variables({ a: null }), '{"0": ["variables.a", "variables.a"]}'],
    ["with a place twice, in two files", variables({ a: null }), '{"0": ["variables.a"], "1": ["variables.a"]}'],
    ["with a place far beyond a list", variables({ a: [] }), '{"0": ["variables.a.4000000000"]}'],
    ["with the next place of a list", variables({ a: [null] }), '{"0": ["variables.a.1"]}'],
    ["with the length of a list", variables({ a: [null] }), '{"0": ["variables.a.length"]}'],
    ["with a negative place", variables({ a: [null] }), '{"0": ["variables.a.-1"]}'],
    ["with the query", variables({ a: null }), '{"0": ["query"]}'],
    ["with a new member", variables({ a: null }), '{"0": ["extensions"]}'],
    ["with all variables", JSON.stringify({ query: ONE, variables: null }), '{"0": ["variables"]}'],
    ["with seven segments", JSON.stringify({ query: ONE, variables: { x: deep } }), '{"0": ["variables.x.a.b.c.d.e"]}'],
    ["with the prototype", variables({ a: null }), '{"0": ["variables.__proto__"]}'],
    ["with a member of the prototype", variables({ a: null }), '{"0": ["variables.__proto__.a"]}'],
    [
      "with a prototype that the variables name",
      `{"query": ${JSON.stringify(ONE)}, "variables": {"__proto__": null, "a": null}}`,
      '{"0": ["variables.__proto__"]}',
    ],
    ["with the constructor", variables({ a: null }), '{"0": ["variables.constructor.prototype"]}'],
    ["that is too long", variables({ a: null }), `{"${"0".repeat(5000)}": ["variables.a"]}`],
  ])("for a map %s", async (_what, operations, map) => {
    const { status, body } = await send(["operations", operations], ["map", map], ["0", file()]);

    expect([status, body.errors]).toMatchObject([
      400,
      [{ message: expect.stringContaining("map"), extensions: { code: "BAD_USER_INPUT" } }],
    ]);
    expect(body.data).toBeUndefined();
  });

  test("for a map with 18 places", async () => {
    const operations = variables({ list: Array(18).fill(null) });
    const { status, body } = await send(["operations", operations], ["map", `{"0": [${many}]}`], ["0", file()]);

    expect([status, body.errors?.[0]?.extensions.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test.each<[string, RegExp, () => readonly Part[]]>([
    ["without anything", /broken or cut short|no field operations/, () => []],
    ["without a map", /no field map/, () => [["operations", OPERATIONS]]],
    [
      "with a map first",
      /send the field operations before map/,
      () => [
        ["map", MAP],
        ["operations", OPERATIONS],
      ],
    ],
    [
      "with a file before its map",
      /before the files/,
      () => [
        ["operations", OPERATIONS],
        ["0", file()],
        ["map", MAP],
      ],
    ],
    [
      "with its operation twice",
      /sent twice/,
      () => [
        ["operations", OPERATIONS],
        ["operations", OPERATIONS],
      ],
    ],
    [
      "with several operations",
      /one operation in a request/,
      () => [
        ["operations", `[${OPERATIONS}]`],
        ["map", '{"0": ["0.variables.a"]}'],
      ],
    ],
    ["with an operation that is not JSON", /not valid JSON/, () => [["operations", "{"]]],
    [
      "with more than 1 MiB of text",
      /too large/,
      () => [
        ["operations", JSON.stringify({ query: `#${"x".repeat(900_000)}\n${ONE}`, variables: { a: null } })],
        ["map", " ".repeat(200_000)],
      ],
    ],
  ])("%s", async (_what, message, parts) => {
    const { status, body } = await send(...parts());

    expect([400, 413]).toContain(status);
    expect(body.errors?.[0]?.message).toMatch(message);
    expect(body.data).toBeUndefined();
  });

  test.each<[string, RegExp, () => readonly Part[]]>([
    ["with a file that its map does not name", /map does not name/, () => [["2", file()]]],
    [
      "with a file twice",
      /a file twice/,
      () => [
        ["0", file()],
        ["0", file()],
      ],
    ],
  ])("%s", async (_what, message, parts) => {
    const { body } = await send(["operations", OPERATIONS], ["map", MAP], ...parts());

    expect(body.errors?.[0]?.message).toMatch(message);
  });

  test("for its cost, which is calculated with the variables that run", async () => {
    const query = `mutation ($n: Int, $a: Upload) { one: generateImages(input: { prompt: "a", n: $n }) { id }
      two: generateImages(input: { prompt: "a", n: $n }) { id } }`;
    const operations = JSON.stringify({ query: query.replace(", $a: Upload", ""), variables: { n: 10, a: null } });
    const { body } = await send(["operations", operations], ["map", '{"0": ["variables.a"]}'], ["0", file()]);

    expect(body.errors?.[0]?.message).toContain("at most 10 images");
  });
});

/** Sends a form up to the middle of its file. */
async function sendHalf(operations: string, map: string): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const part = (name: string, content: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
  const file = `--b\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`;
  const length = `${part("operations", operations)}${part("map", map)}${file}\r\n--b--\r\n`.length + picture.length;
  const socket = connect(Number(port), hostname).on("error", () => {});
  await once(socket, "connect");
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nApollo-Require-Preflight: 1\r\nContent-Length: ${length}\r\n` +
      `Content-Type: multipart/form-data; boundary=b\r\n\r\n${part("operations", operations)}${part("map", map)}${file}`,
  );
  socket.write(picture.subarray(0, picture.length / 2));
  return socket;
}

function answerOn(socket: Socket): Promise<string> {
  return text(socket);
}
