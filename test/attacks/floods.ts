import { getIntrospectionQuery } from "graphql";
import { type Attack, onEach, requestHead } from "./attack.ts";

const JSON_TYPE = { "Content-Type": "application/json" };
const QUERY = '{"query":"{ __typename }"}';
const ONE_REQUEST = requestHead("/graphql", { ...JSON_TYPE, "Content-Length": QUERY.length }) + QUERY;
const INTROSPECTION_QUERY = JSON.stringify({ query: getIntrospectionQuery() });
const INTROSPECTION =
  requestHead("/graphql", { ...JSON_TYPE, "Content-Length": INTROSPECTION_QUERY.length }) + INTROSPECTION_QUERY;
const UPGRADE = "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
/** Chunks of one byte. */
const CHUNKS = Buffer.from("1\r\nx\r\n".repeat(10_000));

/** Small requests that cost much: in pieces, pipelined, or endless. */
export const FLOOD_ATTACKS: readonly Attack[] = [
  ...["/graphql", "/get-image", "/v1/images/edits", "/nowhere"].map(chunkFlood),
  {
    name: "pipelined requests",
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 100 }, target, async (connection) => {
        const requests = Buffer.from(ONE_REQUEST.repeat(400));
        for (let count = 0; count < (scale === "full" ? 50 : 2); count++) {
          if (!(await connection.flood(requests))) break;
        }
        await connection.answer();
      }),
    expected: /^(200|closed)$/,
  },
  {
    name: "requests whose answers nobody reads",
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 200 }, target, async (connection) => {
        const requests = INTROSPECTION.repeat(60);
        await connection.write(requests);
        await connection.answer();
        connection.socket.pause();
        await connection.flood(Buffer.from(requests));
      }),
    expected: /^(200|closed)$/,
  },
  {
    name: "an upgrade that does not wait for an answer",
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 200 }, target, async (connection) => {
        await connection.write(ONE_REQUEST + UPGRADE);
        await connection.answer();
      }),
    expected: /^(200|closed)$/,
  },
  {
    name: "countless event streams",
    run: (target, scale) =>
      onEach(scale, { small: 20, full: 6_000 }, target, async (connection) => {
        const body = JSON.stringify({ query: "subscription { generationEvents { __typename } }" });
        const headers = { ...JSON_TYPE, Accept: "text/event-stream", "Content-Length": body.length };
        await connection.write(requestHead("/graphql/stream", headers) + body);
        await connection.answer();
      }),
    expected: /^(200|503 OVERLOADED)$/,
  },
];

function chunkFlood(path: string): Attack {
  return {
    name: `bodies in chunks of one byte to ${path}`,
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 200 }, target, async (connection) => {
        await connection.write(requestHead(path, { ...JSON_TYPE, "Transfer-Encoding": "chunked" }));
        for (let count = 0; count < (scale === "full" ? 20 : 1); count++) {
          if (!(await connection.flood(CHUNKS))) break;
        }
        await connection.answer();
      }),
    expected: /^(closed|404 [A-Za-z_]+)$/,
  };
}
