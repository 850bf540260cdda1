import type { Logger } from "pino";
import type { GatewayError } from "../../errors.ts";

/** How often the credentials of open connections are checked. They end within a second in every process. */
const CHECK_EVERY_MS = 400;

/** Returns why a credential no longer works; `undefined` while it works. */
export type EndOf<Credential> = (credential: Credential) => GatewayError | undefined;

interface Watched<Credential> {
  readonly credential: Credential;
  readonly end: (reason: GatewayError) => void;
}

/** Watches the credentials of connections that stay open, so that each is closed when its credential ends. */
export class CredentialWatch<Credential> {
  readonly #hasExpired: EndOf<Credential>;
  readonly #check: (credentials: readonly Credential[]) => Promise<EndOf<Credential>>;
  readonly #logger: Logger;
  readonly #watched = new Set<Watched<Credential>>();
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;

  /**
   * @param hasExpired tells without the store why a credential no longer works
   * @param check reads from the store what has become of these credentials
   */
  constructor(
    hasExpired: EndOf<Credential>,
    check: (credentials: readonly Credential[]) => Promise<EndOf<Credential>>,
    logger: Logger,
  ) {
    this.#hasExpired = hasExpired;
    this.#check = check;
    this.#logger = logger;
  }

  /**
   * Calls `end` once, within a second after the credential has ended.
   *
   * @returns stops watching
   */
  add(credential: Credential, end: (reason: GatewayError) => void): () => void {
    const watched = { credential, end };
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => void this.#checkAll(), CHECK_EVERY_MS).unref();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /**
   * Ends the connections whose credentials have ended. While the store is away, only those end whose credentials have
   * expired.
   */
  async #checkAll(): Promise<void> {
    this.#endThose([...this.#watched], this.#hasExpired);
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      const checked = [...this.#watched];
      this.#endThose(checked, await this.#check(checked.map(({ credential }) => credential)));
    } catch (err) {
      this.#logger.warn({ err }, "the store does not tell whether credentials still work; asking again");
    } finally {
      this.#isChecking = false;
    }
  }

  #endThose(watched: readonly Watched<Credential>[], endOf: EndOf<Credential>): void {
    for (const one of watched) {
      const reason = endOf(one.credential);
      if (reason && this.#watched.delete(one)) one.end(reason);
    }
  }
}
