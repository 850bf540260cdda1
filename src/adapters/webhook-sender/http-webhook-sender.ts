import * as http from "node:http";
import * as https from "node:https";
import { badInput } from "../../errors.ts";
import type { WebhookAnswer, WebhookRequest, WebhookSender } from "../../ports/webhooks.ts";
import { addressIn, checkedLookup, isPublicAddress, type Resolve, systemResolve } from "../public-addresses.ts";

export interface HttpWebhookSenderOptions {
  /** Whether `http://` is allowed besides `https://`. */
  readonly allowHttp: boolean;
  /** Whether hosts with private addresses are allowed. */
  readonly allowPrivate: boolean;
  /** Finds the addresses of a host. @defaultValue the system's resolver */
  readonly resolve?: Resolve;
  /** How long an answer may take, in milliseconds. @defaultValue {@link ANSWER_TIMEOUT_MS} */
  readonly timeoutMs?: number;
}

/** How long an attempt may take: from the lookup of the host to the head of the answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/** The most bytes of an answer that are read. Nothing in it counts, so this only lets polite receivers finish. */
const MAX_ANSWER_BYTES = 4096;
const MAX_HEADER_BYTES = 4096;
/** The longest address of a receiver, in characters. */
const MAX_URL_LENGTH = 2000;

/** Why no connection was made. The message is shown to the project. */
class RefusedAddress extends Error {}

/**
 * Sends webhooks over HTTP, each over a connection of its own. Each address that the host's name resolves to is checked
 * in the very lookup that the connection is made with. No proxy is used: behind one, nobody would check what it connects
 * to.
 */
export class HttpWebhookSender implements WebhookSender {
  readonly #options: HttpWebhookSenderOptions;
  readonly #resolve: Resolve;
  readonly #timeoutMs: number;

  constructor(options: HttpWebhookSenderOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? systemResolve;
    this.#timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS;
  }

  check(address: string): void {
    const { allowHttp, allowPrivate } = this.#options;
    if (address.length > MAX_URL_LENGTH) throw badInput("url", `url must have at most ${MAX_URL_LENGTH} characters`);
    const url = URL.parse(address);
    if (!url || !/^https?:$/.test(url.protocol)) throw badInput("url", "url must be an https URL");
    if (url.protocol === "http:" && !allowHttp) {
      throw badInput("url", "url must be an https URL; PICTOGRAPH_WEBHOOK_ALLOW_HTTP=true allows http");
    }
    if (url.username || url.password) throw badInput("url", "url must have no user name and no password");
    if (url.hash) throw badInput("url", "url must have no fragment: it would not be sent");
    const literal = addressIn(url);
    const isLocalName = /(^|\.)localhost\.?$/.test(url.hostname);
    if (!allowPrivate && (isLocalName || (literal !== undefined && !isPublicAddress(literal)))) {
      throw badInput(
        "url",
        "url must be the address of a public server; PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE=true allows private networks",
      );
    }
  }

  send({ url, headers, body }: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      try {
        // The operator may have forbidden what was allowed when the endpoint was created.
        this.check(url);
      } catch (error) {
        return resolve({ error: (error as Error).message });
      }
      const { request: open } = url.startsWith("https:") ? https : http;
      const request = open(url, {
        method: "POST",
        agent: false,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        lookup: checkedLookup(this.#resolve, (address) => this.#checkReachable(address)),
        maxHeaderSize: MAX_HEADER_BYTES,
      });
      const timeout = setTimeout(() => request.destroy(new Error("timeout")), this.#timeoutMs);
      const abort = () => request.destroy();
      signal.addEventListener("abort", abort, { once: true });
      request.once("close", () => {
        clearTimeout(timeout);
        signal.removeEventListener("abort", abort);
      });
      request.on("error", (error: NodeJS.ErrnoException) => {
        if (signal.aborted) reject(signal.reason);
        else resolve({ error: this.#describe(error) });
      });
      request.once("response", (answer) => {
        resolve(toAnswer(answer.statusCode ?? 0));
        discard(answer);
      });
      request.end(body);
    });
  }

  #checkReachable(address: string): void {
    if (this.#options.allowPrivate || isPublicAddress(address)) return;
    throw new RefusedAddress(
      "the host has a private address; PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE=true allows private networks",
    );
  }

  /** Describes a failure without anything that the receiver sent. */
  #describe(error: NodeJS.ErrnoException): string {
    if (error instanceof RefusedAddress) return error.message;
    if (error.message === "timeout") return `there was no answer within ${this.#timeoutMs / 1000} s`;
    const { code = "no code" } = error;
    if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|^ERR_TLS|^ERR_SSL|^EPROTO/.test(code)) {
      return `no secure connection could be made: the certificate or the protocol is not valid (${code})`;
    }
    if (/^HPE_/.test(code)) return `the answer is not HTTP, or its headers are too long (${code})`;
    if (/^(ENOTFOUND|EAI_)/.test(code)) return `the host could not be found (${code})`;
    return `the connection failed (${code})`;
  }
}

function toAnswer(statusCode: number): WebhookAnswer {
  if (statusCode >= 200 && statusCode < 300) return { statusCode };
  if (statusCode >= 300 && statusCode < 400) return { statusCode, error: "redirects are not followed" };
  return { statusCode, error: `the receiver answered with status ${statusCode}` };
}

/** Reads a short answer to its end, and breaks off a long one. A slow one is broken off by the timeout. */
function discard(answer: http.IncomingMessage): void {
  let byteCount = 0;
  answer.on("error", () => {});
  answer.on("data", (chunk: Buffer) => {
    byteCount += chunk.length;
    if (byteCount > MAX_ANSWER_BYTES) answer.destroy();
  });
}
