import { type Attack, ask, RawConnection, type Target } from "./attack.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const BODY = new URLSearchParams({ prompt: "a fox", n: "1", size: "64x64" }).toString();
const EVIL = "http://evil.example";

/** Requests that a page in the operator's browser can send to a gateway on the same machine. */
export const PAGE_ATTACKS: readonly Attack[] = [
  {
    name: "a form of another site that would cost money",
    isPaid: true,
    run: async (target) => [
      await ask(target, "/get-image", { method: "POST", headers: { ...FORM, Origin: EVIL }, body: BODY }),
      await ask(target, "/get-image", { method: "POST", headers: { ...FORM, Origin: "null" }, body: BODY }),
      await ask(target, "/v1/images/generations", { method: "POST", headers: { ...FORM, Origin: EVIL }, body: BODY }),
    ],
    // The contract of 2022 has no error codes.
    expected: /^403( forbidden)?$/i,
  },
  {
    name: "a host name rebound to loopback",
    run: async (target) => {
      const headers = { Host: "evil.example", Origin: EVIL };
      return [
        await ask(target, "/graphql", {
          method: "POST",
          headers: { ...headers, "Content-Type": "application/json" },
          body: '{"query":"{__typename}"}',
        }),
        await ask(target, "/get-image", { method: "POST", headers: { ...headers, ...FORM }, body: BODY }),
        await ask(target, "/openapi.json", { headers: { Host: "evil.example" } }),
      ];
    },
    expected: /^421( [A-Za-z_]+)?$/,
  },
  {
    name: "WebSockets of another site",
    run: (target) =>
      Promise.all([
        upgrade(target, "127.0.0.1", EVIL),
        upgrade(target, "evil.example", EVIL),
        upgrade(target, "127.0.0.1", "null"),
      ]),
    expected: /^(403|421) [A-Z_]+$/,
  },
];

async function upgrade(target: Target, host: string, origin: string): Promise<string> {
  const connection = new RawConnection(target);
  try {
    await connection.write(
      `GET /graphql HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
    );
    return await connection.answer();
  } finally {
    connection.close();
  }
}
