import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { Project, Projects, TokenUse } from "../../ports/projects/projects.ts";
import type { Caller } from "./caller.ts";
import { CredentialWatch, type EndOf } from "./credential-watch.ts";
import { ShortCache } from "./short-cache.ts";
import { hashOf, isToken } from "./tokens.ts";

/** The shortest time between two records of a key's use. */
const NOTE_EVERY_MS = 60_000;
/** The most keys whose last record of use is remembered. The oldest are dropped first. */
const MAX_NOTED = 10_000;
/** The most tokens that one query asks for. */
const MAX_HASHES = 500;

export interface ApiKeysOptions {
  readonly projects: Projects;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** Authenticates callers with the tokens of API keys. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #uses = new ShortCache<TokenUse | undefined>();
  /** When the use of each key was last recorded, in milliseconds of a monotonic clock. */
  readonly #noted = new Map<string, number>();
  /** Watches tokens by their hashes. */
  readonly #watch: CredentialWatch<string>;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#watch = new CredentialWatch(
      () => undefined,
      (hashes) => this.#findEnds(hashes),
      options.logger,
    );
  }

  /**
   * Finds out which API key a token belongs to.
   *
   * @throws UNAUTHENTICATED when there is no such token, the token or its key has ended, or the key or its project is
   *   disabled
   */
  async authenticate(token: string): Promise<Caller> {
    if (!isToken(token)) throw malformed();
    const use = await this.#find(hashOf(token));
    const reason = this.#endOf(use);
    if (reason || !use) throw reason ?? unknown();
    const { apiKey } = use;
    this.#noteUse(apiKey.id);
    return { projectId: apiKey.projectId, apiKeyId: apiKey.id };
  }

  /**
   * Calls `end` once, within a second after the token has stopped working.
   *
   * @returns stops watching
   */
  watch(token: string, end: (reason: GatewayError) => void): () => void {
    return this.#watch.add(hashOf(token), end);
  }

  /** Clears the cache, because something was changed in this process. */
  forget(): void {
    this.#uses.clear();
  }

  #find(hash: string): Promise<TokenUse | undefined> {
    return this.#uses.get(hash, async () => {
      const [use] = await this.#options.projects.findTokens([hash]);
      return use;
    });
  }

  /** Returns why a token does not work; `undefined` if it works. */
  #endOf(use: TokenUse | undefined): GatewayError | undefined {
    const at = this.#options.now();
    const hasEnded = (end: Date | undefined) => end !== undefined && end <= at;
    if (!use) return unknown();
    if (hasEnded(use.expiresAt)) return refused("this token was replaced by a newer one of the same API key");
    if (hasEnded(use.apiKey.expiresAt)) return refused("this API key has expired");
    if (use.apiKey.isDisabled) return refused("this API key is disabled");
    if (use.project.isDisabled) return refused(disabledProject(use.project));
    return undefined;
  }

  #noteUse(apiKeyId: string): void {
    const { projects, now, logger } = this.#options;
    const atMs = performance.now();
    const notedMs = this.#noted.get(apiKeyId);
    if (notedMs !== undefined && atMs - notedMs < NOTE_EVERY_MS) return;
    this.#noted.delete(apiKeyId);
    this.#noted.set(apiKeyId, atMs);
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined && this.#noted.size > MAX_NOTED) this.#noted.delete(oldest);
    projects.noteUse(apiKeyId, now()).catch((err: unknown) => {
      logger.warn({ apiKeyId, err }, "the use of an API key could not be recorded");
    });
  }

  async #findEnds(watched: readonly string[]): Promise<EndOf<string>> {
    const hashes = [...new Set(watched)];
    const uses = new Map<string, TokenUse>();
    for (let start = 0; start < hashes.length; start += MAX_HASHES) {
      const found = await this.#options.projects.findTokens(hashes.slice(start, start + MAX_HASHES));
      for (const use of found) uses.set(use.hash, use);
    }
    return (hash) => this.#endOf(uses.get(hash));
  }
}

/** The message for a caller whose project is disabled. */
export function disabledProject({ id }: Pick<Project, "id">): string {
  return `the project ${id} is disabled`;
}

function unknown(): GatewayError {
  return refused("this API key does not exist, or was revoked");
}

function malformed(): GatewayError {
  return refused("this is not the token of an API key: they begin with pgk_ and have 53 characters; was it cut?");
}

function refused(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
