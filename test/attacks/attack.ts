import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { FORM_HEADERS, type Operations } from "../support/clients/graphql-multipart.ts";
import { httpRequest } from "../support/clients/http-request.ts";

/** The attacked gateway, in its own process. */
export interface Target {
  readonly url: string;
  /** The requests to its paid provider; `undefined` without one. */
  readonly provider: { readonly callCount: number } | undefined;
}

/** `small` runs in a second and checks survival and the answers. `full` is as large as when the attack was found. */
export type Scale = "small" | "full";

export interface Attack {
  readonly name: string;
  /** The gateway's configuration. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the gateway gets a paid provider, which accepts calls and never answers. */
  readonly isPaid?: boolean;
  /** Runs the attack, and returns each answer as its status and error code, such as `400 BAD_USER_INPUT`. */
  run(target: Target, scale: Scale): Promise<readonly string[]>;
  /** The pattern that every answer must match. */
  readonly expected: RegExp;
}

/** A connection that accepts no bytes for this long counts as stuck. */
const STUCK_MS = 2_000;
/** How long an attacker waits for an answer. */
const PATIENCE_MS = 120_000;

/** Sends one request and describes the answer. A missing answer is `no answer`. */
export async function ask(
  target: Target,
  path: string,
  options: Parameters<typeof httpRequest>[1] = {},
): Promise<string> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { status, body } = await httpRequest(`${target.url}${path}`, { ...options, signal });
    return toWords(status, body.toString());
  } catch (error) {
    return `no answer (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`;
  }
}

/** Runs a GraphQL operation over HTTP. */
export function askGraph(target: Target, query: string, variables: object = {}, path = "/graphql"): Promise<string> {
  const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
  return ask(target, path, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
}

/** Writes a form as browsers do. */
export async function askForm(
  target: Target,
  path: string,
  form: FormData,
  headers: Readonly<Record<string, string>> = FORM_HEADERS,
): Promise<string> {
  const encoded = new Response(form);
  const contentType = encoded.headers.get("content-type") ?? "";
  const body = Buffer.from(await encoded.arrayBuffer());
  return ask(target, path, { method: "POST", headers: { ...headers, "Content-Type": contentType }, body });
}

/** Writes a GraphQL multipart request with this `map`. */
export function toForm(operations: Operations, map: string, files: Readonly<Record<string, Uint8Array>>): FormData {
  const form = new FormData();
  form.append("operations", JSON.stringify(operations));
  form.append("map", map);
  for (const [name, bytes] of Object.entries(files)) form.append(name, new Blob([new Uint8Array(bytes)]), "a.png");
  return form;
}

/** A connection on which the attacker writes any bytes. */
export class RawConnection {
  readonly socket: Socket;
  #received = "";
  readonly #closed: Promise<void>;
  #answered = Promise.withResolvers<void>();

  constructor({ url }: Target) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("error", () => {});
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      if (this.#received.length < 64 * 1024) this.#received += text;
      this.#answered.resolve();
    });
    this.#closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  /** Resolves when the kernel has accepted the bytes, or the gateway has answered or closed the connection. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return;
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    this.socket.once("drain", resolve);
    await Promise.race([drained, this.#closed, this.#answered.promise]);
    this.socket.off("drain", resolve);
  }

  /**
   * Writes more after an answer. Resolves when the kernel has accepted the bytes, or has not for {@link STUCK_MS}.
   * @returns whether the connection still accepts bytes
   */
  async flood(bytes: Uint8Array): Promise<boolean> {
    if (this.socket.destroyed) return false;
    if (this.socket.write(bytes)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const takes = () => resolve(true);
    this.socket.once("drain", takes);
    const stuck = setTimeout(STUCK_MS, false, { ref: false });
    const isTaking = await Promise.race([promise, stuck, this.#closed.then(() => false)]);
    this.socket.off("drain", takes);
    return isTaking;
  }

  /** Resolves with the answer, when the gateway has given one or closed the connection. */
  async answer(): Promise<string> {
    await Promise.race([this.#answered.promise, this.#closed]);
    await new Promise((resolve) => setImmediate(resolve));
    return this.received();
  }

  /** The answer so far: `still open` if there is none, `closed` if the gateway closed the connection without one. */
  received(): string {
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(this.#received) ?? [];
    if (status === undefined) return this.socket.destroyed ? "closed" : "still open";
    return toWords(Number(status), this.#received.slice(this.#received.indexOf("\r\n\r\n") + 4));
  }

  close(): void {
    this.socket.destroy();
  }
}

/** How long the connections of a full attack stay open after everything is sent, to see what they hold. */
const LINGER_MS = 10_000;

/** Does the same on many connections, which stay open until all have written. @returns the answer on each */
export async function onEach(
  scale: Scale,
  count: { readonly small: number; readonly full: number },
  target: Target,
  write: (connection: RawConnection) => Promise<void>,
): Promise<readonly string[]> {
  const connections = Array.from({ length: count[scale] }, () => new RawConnection(target));
  try {
    await Promise.all(connections.map(write));
    if (scale === "full") await setTimeout(LINGER_MS);
    return connections.map((connection) => connection.received());
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Returns the head of a request whose body the attacker writes separately. */
export function requestHead(path: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({ Host: "127.0.0.1", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function toWords(status: number, body: string): string {
  const codes = new Set(body.match(/"code":\s*"[A-Za-z_]+"/g)?.map((match) => match.split('"')[3]));
  return [status, ...codes].join(" ");
}
