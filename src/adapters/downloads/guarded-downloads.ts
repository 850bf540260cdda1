import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../errors.ts";
import { type DownloadLimits, type Downloads, parseDownloadHost } from "../../ports/downloads.ts";
import { decodeContent } from "../content-encoding.ts";
import { addressIn, checkedLookup, isPublicAddress, type Resolve, systemResolve } from "../public-addresses.ts";
import { ResumedFile } from "./resumed-file.ts";

export interface GuardedDownloadsOptions {
  /**
   * The hosts to download from: `images.example`, `*.images.example` for all of its subdomains, `images.example:8443`.
   * The scheme is https unless an entry begins with `http://`.
   */
  readonly hosts: readonly string[];
  /**
   * Origins that may have private addresses, because the operator configured these servers.
   * @defaultValue none
   */
  readonly ownOrigins?: readonly string[];
  /** Finds the addresses of a host. @defaultValue the system's resolver */
  readonly resolve?: Resolve;
  /** Resolves after the given milliseconds, or rejects when the signal aborts. @defaultValue a timer */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

const MAX_REDIRECTS = 3;
/** The waits before each retry of a download that was paid for, in milliseconds: more than a minute in total. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 16_000, 32_000];
const MAX_ADDRESS_LENGTH = 8192;
const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/**
 * Downloads that cannot be turned against the gateway's own network (SSRF). A host has to be allowed by name, and each
 * address that its name resolves to must be public. That is checked in the very lookup that the connection is made
 * with, so that a name which resolves to something else a moment later (DNS rebinding) changes nothing. Redirects are
 * checked like first addresses. No proxy is used: behind one, nobody would check what it connects to.
 */
export class GuardedDownloads implements Downloads {
  readonly #allowed: readonly URL[];
  readonly #ownOrigins: ReadonlySet<string>;
  readonly #resolve: Resolve;
  readonly #wait: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;

  constructor({ hosts, ownOrigins = [], resolve = systemResolve, wait }: GuardedDownloadsOptions) {
    this.#allowed = hosts.map(parseDownloadHost);
    this.#ownOrigins = new Set(ownOrigins);
    this.#resolve = resolve;
    this.#wait = wait ?? ((ms, signal) => delay(ms, undefined, signal && { signal }));
  }

  async *read(address: string, limits: DownloadLimits, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (!limits.isPaid) {
      yield* this.#readOnce(address, limits, signal);
      return;
    }
    const file = new ResumedFile();
    for (const waitMs of [...WAITS_MS, undefined]) {
      try {
        yield* file.read(this.#readOnce(address, limits, signal));
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (waitMs === undefined || !mayPass(error)) throw error;
      }
      await this.#wait(waitMs, signal).catch(() => signal?.throwIfAborted());
    }
  }

  async *#readOnce(address: string, limits: DownloadLimits, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    let host = "the host";
    try {
      const url = this.#check(address);
      host = url.host;
      const answer = await this.#open(url, signal ? AbortSignal.any([signal, timeout]) : timeout);
      const { "content-length": length, "content-encoding": encoding } = answer.headers;
      if (Number(length) > limits.maxBytes) {
        answer.destroy();
        throw tooLarge(limits);
      }
      let byteCount = 0;
      for await (const chunk of decodeContent(answer, encoding)) {
        byteCount += chunk.length;
        if (byteCount > limits.maxBytes) throw tooLarge(limits);
        yield chunk;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof GatewayError) throw error;
      if (timeout.aborted)
        throw new GatewayError("UPSTREAM_TIMEOUT", `${host} did not answer in time`, { cause: error });
      throw new GatewayError("UPSTREAM_FAILED", `the download from ${host} failed`, { cause: error });
    }
  }

  async #open(firstUrl: URL, signal: AbortSignal): Promise<http.IncomingMessage> {
    let url = firstUrl;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.#request(url, signal);
      if (answer.statusCode === 200) return answer;
      answer.destroy();
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.statusCode) || location === undefined)
        throw new WrongStatus(url.host, answer.statusCode ?? 0);
      url = this.#check(location, url);
    }
    throw new GatewayError("BAD_USER_INPUT", `${firstUrl.host} redirects more than ${MAX_REDIRECTS} times`);
  }

  #request(url: URL, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { get } = url.protocol === "https:" ? https : http;
    const options: https.RequestOptions = {
      agent: false,
      headers: { accept: "image/*", "accept-encoding": "identity", "user-agent": "pictograph" },
      lookup: checkedLookup(this.#resolve, (resolved) => this.#checkReachable(url, resolved)),
      signal,
    };
    return new Promise((resolve, reject) => {
      // Both listeners stay until the download ends: the reader reports a later failure, which must not end the process.
      get(url, options, (answer) => resolve(answer.on("error", () => {}))).on("error", reject);
    });
  }

  /** Checks an address before its host is resolved. @throws BAD_USER_INPUT when it may not be downloaded */
  #check(address: string, base?: URL): URL {
    const url = address.length > MAX_ADDRESS_LENGTH ? null : URL.parse(address, base?.href);
    if (!url || !/^https?:$/.test(url.protocol)) throw badAddress("only an https URL can be downloaded");
    if (url.username || url.password) throw badAddress("a URL with a user name or a password is not downloaded");
    const isAllowed = this.#ownOrigins.has(url.origin) || this.#allowed.some((allowed) => isWithin(url, allowed));
    if (!isAllowed) {
      throw badAddress(
        `the gateway may not download from ${url.origin}; PICTOGRAPH_DOWNLOAD_HOSTS names the hosts it may`,
      );
    }
    // An IP address is checked here, because no lookup is made for it.
    const literal = addressIn(url);
    if (literal !== undefined) this.#checkReachable(url, literal);
    return url;
  }

  #checkReachable(url: URL, address: string): void {
    if (this.#ownOrigins.has(url.origin) || isPublicAddress(address)) return;
    throw badAddress(`${url.hostname} is in a private network, from where the gateway does not download`);
  }
}

function isWithin(url: URL, allowed: URL): boolean {
  if (url.protocol !== allowed.protocol || url.port !== allowed.port) return false;
  if (allowed.hostname.startsWith("*.")) return url.hostname.endsWith(allowed.hostname.slice(1));
  return url.hostname === allowed.hostname;
}

/** The host answered with another status than 200. */
class WrongStatus extends GatewayError {
  constructor(host: string, status: number) {
    super(status < 500 ? "BAD_USER_INPUT" : "UPSTREAM_FAILED", `${host} answers with status ${status}`);
  }
}

/** Whether a retry may succeed: a missing file may appear later, but a forbidden address stays forbidden. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return error instanceof WrongStatus || error.code === "UPSTREAM_FAILED" || error.code === "UPSTREAM_TIMEOUT";
}

function tooLarge({ maxBytes }: DownloadLimits): GatewayError {
  return new GatewayError("PAYLOAD_TOO_LARGE", `the file is larger than ${maxBytes} bytes`);
}

function badAddress(message: string): GatewayError {
  return new GatewayError("BAD_USER_INPUT", message);
}
