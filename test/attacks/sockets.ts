import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Attack, RawConnection, type Target } from "./attack.ts";

const UPGRADE = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Protocol": "graphql-transport-ws",
};

/** The start of a text message that goes on: a frame without FIN, masked with zeros. */
function openFrame(byteLength: number, opcode: 0 | 1): Buffer {
  const head = Buffer.alloc(14);
  head.set([opcode, 0x80 | 127]);
  head.writeBigUInt64BE(BigInt(byteLength), 2);
  return Buffer.concat([head, Buffer.alloc(byteLength, "x")]);
}

const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);

/** Messages that are sent in pieces and never end, on connections that answer every ping. */
export const SOCKET_ATTACKS: readonly Attack[] = [
  {
    name: "WebSocket messages that never end",
    run: async (target, scale) => {
      const count = scale === "full" ? 500 : 4;
      const sockets = Array.from({ length: count }, () => new RawConnection(target));
      try {
        await Promise.all(sockets.map((socket) => sendUnfinished(socket, target)));
        if (scale === "full") await setTimeout(10_000);
        return sockets.map((socket) => socket.received());
      } finally {
        for (const socket of sockets) socket.close();
      }
    },
    // 101 stays the first answer of a connection that is closed later.
    expected: /^(101|closed|(429|503)( [A-Za-z_]+)?)$/,
  },
];

async function sendUnfinished(socket: RawConnection, target: Target): Promise<void> {
  const headers = {
    Host: new URL(target.url).host,
    ...UPGRADE,
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  await socket.write(`GET /graphql HTTP/1.1\r\n${lines.join("")}\r\n`);
  await socket.answer();
  for (let frame = 0; frame < 8; frame++) {
    await socket.write(openFrame(128 * 1024 - 1024, frame === 0 ? 1 : 0));
    await socket.write(PING);
  }
}
