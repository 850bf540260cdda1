import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { Project, Projects, TokenUse } from "../../ports/projects.ts";
import type { Caller } from "./caller.ts";
import { ShortCache } from "./short-cache.ts";
import { hashOf, isToken } from "./tokens.ts";

/** How often the store is asked about the keys of connections that stay open. */
const LOOK_EVERY_MS = 400;
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

/** A connection that stays open, and is to be closed when its key ends. */
interface Watched {
  readonly hash: string;
  readonly end: (reason: GatewayError) => void;
}

/** Tells who calls with the token of an API key. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #uses = new ShortCache<TokenUse | undefined>();
  /** When the use of each key was last recorded. */
  readonly #noted = new Map<string, number>();
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /**
   * The caller that a token stands for.
   *
   * @throws UNAUTHENTICATED when it stands for nobody, or its key or project is at an end or disabled
   */
  async authenticate(token: string): Promise<Caller> {
    if (!isToken(token)) throw malformed();
    const use = await this.#find(hashOf(token));
    const { apiKey } = this.#check(use);
    this.#noteUse(apiKey.id);
    return { projectId: apiKey.projectId, apiKeyId: apiKey.id };
  }

  /**
   * Calls `end` once when the token stops being good for anything, within a second.
   *
   * @returns stops watching
   */
  watch(token: string, end: (reason: GatewayError) => void): () => void {
    const watched: Watched = { hash: hashOf(token), end };
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Drops what is known, because something was changed in this process. */
  forget(): void {
    this.#uses.clear();
  }

  #find(hash: string): Promise<TokenUse | undefined> {
    return this.#uses.get(hash, async () => {
      const [use] = await this.#options.projects.findTokens([hash]);
      return use;
    });
  }

  /** @throws UNAUTHENTICATED */
  #check(use: TokenUse | undefined): TokenUse {
    const at = this.#options.now();
    const hasEnded = (end: Date | undefined) => end !== undefined && end <= at;
    if (!use) throw refused("this API key does not exist, or was revoked");
    if (hasEnded(use.expiresAt)) throw refused("this token was replaced by a newer one of the same API key");
    if (hasEnded(use.apiKey.expiresAt)) throw refused("this API key has expired");
    if (use.apiKey.isDisabled) throw refused("this API key is disabled");
    if (use.project.isDisabled) throw refused(disabledProject(use.project));
    return use;
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

  /** Ends the connections whose tokens are good for nothing any more. While the store is away they stay. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const byHash = Map.groupBy(this.#watched, ({ hash }) => hash);
      const hashes = [...byHash.keys()];
      for (let start = 0; start < hashes.length; start += MAX_HASHES) {
        const asked = hashes.slice(start, start + MAX_HASHES);
        const uses = new Map((await this.#options.projects.findTokens(asked)).map((use) => [use.hash, use]));
        for (const hash of asked) this.#endUnlessGood(uses.get(hash), byHash.get(hash) ?? []);
      }
    } catch (err) {
      this.#options.logger.warn({ err }, "the store does not tell whether API keys still work; asking again");
    } finally {
      this.#isLooking = false;
    }
  }

  #endUnlessGood(use: TokenUse | undefined, all: readonly Watched[]): void {
    try {
      this.#check(use);
    } catch (error) {
      for (const watched of all) if (this.#watched.delete(watched)) watched.end(error as GatewayError);
    }
  }
}

/** What is said of a project that is disabled. */
export function disabledProject({ id }: Pick<Project, "id">): string {
  return `the project ${id} is disabled`;
}

function malformed(): GatewayError {
  return refused("this is no token of an API key: they begin with pgk_ and have 53 characters; was it cut?");
}

function refused(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
