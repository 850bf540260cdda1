import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** How long one answer of the key server is used, in milliseconds. */
const FRESH_MS = 10 * 60_000;
/** How long keys are used when the key server does not give newer ones. So long may a withdrawn key live on, at worst. */
const USABLE_MS = 60 * 60_000;
/** The shortest time between two requests that ask whether an unknown key is a new one. */
const RENEW_MS = 30_000;
/** How long a failure of the key server stands, so that callers do not wait for it one after the other. */
const FAILURE_MS = 5_000;
/** How long one request to the key server may take, in milliseconds. */
const TIMEOUT_MS = 5_000;
/** The largest answer of the key server, in bytes. Identity providers send less than 20 KB. */
const MAX_BYTES = 256 * 1024;

/** The key server cannot be reached, or answers with something that is no set of keys. */
export class KeyServerError extends Error {
  override readonly name = "KeyServerError";
}

interface KeySet {
  readonly find: JWTVerifyGetKey;
  /** Monotonic, in milliseconds. */
  readonly fetchedAtMs: number;
}

/** The keys of an identity provider, fetched when a token needs them and kept for a while. */
export class SigningKeys {
  readonly #url: string;
  readonly #nowMs: () => number;
  #keys: KeySet | undefined;
  #fetching: Promise<KeySet> | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs a clock that only goes forward, in milliseconds */
  constructor(url: string, nowMs = () => performance.now()) {
    this.#url = url;
    this.#nowMs = nowMs;
  }

  /**
   * Finds the key that signed a token.
   *
   * @throws KeyServerError when the key is not known and the key server does not tell; JWKSNoMatchingKey when the key
   *   server does not have it
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.#current();
    try {
      return await keys.find(header, token);
    } catch (error) {
      const isRecent = this.#nowMs() - keys.fetchedAtMs < RENEW_MS;
      if (!(error instanceof errors.JWKSNoMatchingKey) || isRecent) throw error;
    }
    const renewed = await this.#fetch();
    return renewed.find(header, token);
  };

  async #current(): Promise<KeySet> {
    const known = this.#keys;
    const ageMs = known ? this.#nowMs() - known.fetchedAtMs : Number.POSITIVE_INFINITY;
    if (known && ageMs < FRESH_MS) return known;
    try {
      return await this.#fetch();
    } catch (error) {
      if (known && ageMs < USABLE_MS) return known;
      throw error;
    }
  }

  #fetch(): Promise<KeySet> {
    if (this.#nowMs() - this.#failedAtMs < FAILURE_MS) {
      return Promise.reject(new KeyServerError("the key server failed a moment ago"));
    }
    this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #request(): Promise<KeySet> {
    try {
      const keys = createLocalJWKSet(await fetchKeys(this.#url));
      this.#keys = { find: keys, fetchedAtMs: this.#nowMs() };
      return this.#keys;
    } catch (cause) {
      this.#failedAtMs = this.#nowMs();
      throw new KeyServerError("the key server did not answer with a set of keys", { cause });
    }
  }
}

async function fetchKeys(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { Accept: "application/json, application/jwk-set+json" },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the key server answered with status ${response.status}`);
  }
  return JSON.parse(await readText(response)) as JSONWebKeySet;
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of body ?? []) {
    byteCount += chunk.byteLength;
    if (byteCount > MAX_BYTES) throw new Error(`the key server answered with more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
