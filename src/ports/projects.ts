import type { Operation } from "./image-provider.ts";

export const BUDGET_WINDOWS = ["DAY", "WEEK", "MONTH", "TOTAL"] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** What may be spent in a window of time, which begins at midnight UTC: a week on Monday. */
export interface BudgetLimit {
  readonly window: BudgetWindow;
  /** US dollars as a decimal string; `undefined` for any amount. */
  readonly limitUsd?: string | undefined;
  /** `undefined` for any number. */
  readonly limitImages?: number | undefined;
}

/** What a project or an API key may do; what is left out is not limited. */
export interface Limits {
  /** Each window at most once. */
  readonly budgets?: readonly BudgetLimit[] | undefined;
  /** Requests that may make images. */
  readonly requestsPerMinute?: number | undefined;
  /** The same, for callers without credentials. */
  readonly requestsPerMinutePerAddress?: number | undefined;
  readonly imagesPerMinute?: number | undefined;
  /** Generations that are `QUEUED` or `RUNNING`. */
  readonly concurrentGenerations?: number | undefined;
  /** The only models that may be used. */
  readonly models?: readonly string[] | undefined;
  /** The only operations that may be used. */
  readonly operations?: readonly Operation[] | undefined;
}

/** Owns generations, images and API keys. */
export interface Project {
  /** `proj_…`, sorts by time; but for `proj_public`, which is always there. */
  readonly id: string;
  readonly name: string;
  /** Whether its API keys are refused. */
  readonly isDisabled: boolean;
  /** Whether callers without credentials may use it where that is possible at all. */
  readonly allowsAnonymous: boolean;
  readonly limits: Limits;
  readonly createdAt: Date;
}

/** What a program calls the gateway with. It belongs to one project, and has one token or, for a while, several. */
export interface ApiKey {
  /** `key_…`, sorts by time. */
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** The beginning of its newest token, to know it again by. */
  readonly prefix: string;
  readonly isDisabled: boolean;
  readonly limits: Limits;
  readonly createdAt: Date;
  /** `undefined` for never. */
  readonly expiresAt?: Date | undefined;
  /** When it ended for good; `undefined` while it did not. */
  readonly revokedAt?: Date | undefined;
  /** Give or take a minute; `undefined` before the first use. */
  readonly lastUsedAt?: Date | undefined;
}

/** What stands for a token: nobody can tell the token from it. */
export interface TokenRecord {
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string;
  /** The beginning of the token. */
  readonly prefix: string;
  readonly createdAt: Date;
}

/** What a token is good for. */
export interface TokenUse {
  readonly hash: string;
  readonly apiKey: ApiKey;
  readonly project: Project;
  /** When this token ends, the key living on with a newer one; `undefined` for never. */
  readonly expiresAt?: Date | undefined;
}

/** Who changed which project or API key. */
export interface AuditEntry {
  /** `log_…`, sorts by time. */
  readonly id: string;
  /** `admin:` and the first digits of the SHA-256 of the admin key, or the id of an API key. */
  readonly actor: string;
  /** The name of the operation: `createProject`. */
  readonly action: string;
  readonly projectId?: string | undefined;
  readonly apiKeyId?: string | undefined;
  /** The names of what was set: `name`. */
  readonly changes: readonly string[];
  readonly createdAt: Date;
}

export type ProjectChanges = Partial<Pick<Project, "name" | "isDisabled" | "allowsAnonymous" | "limits">>;
export type ApiKeyChanges = Partial<Pick<ApiKey, "name" | "isDisabled" | "limits" | "expiresAt">>;

/** Part of a list, newest first. */
export interface ListSlice {
  /** Only what is older than this id. */
  readonly olderThan?: string | undefined;
  /** Only what is newer than this id. */
  readonly newerThan?: string | undefined;
  /** Which end of the range the slice is taken from. */
  readonly from: "newest" | "oldest";
  readonly limit: number;
}

/**
 * Projects, their API keys, and who changed them. Every change is stored together with its entry in the log, or not at
 * all, and is on disk when its promise resolves.
 */
export interface Projects {
  create(project: Project, entry: AuditEntry): Promise<void>;
  /**
   * Changes a project. Of several changes at once, each sees what the one before left.
   *
   * @param change what it throws is thrown, and nothing is changed or logged
   * @returns `undefined`, and nothing changed or logged, when there is no such project
   */
  update(id: string, change: (project: Project) => ProjectChanges, entry: AuditEntry): Promise<Project | undefined>;
  /** The projects with these ids, in no promised order; unknown ids are left out. */
  find(ids: readonly string[]): Promise<readonly Project[]>;
  list(slice: ListSlice): Promise<readonly Project[]>;

  /** `false`, and nothing stored or logged, when there is no such project. */
  createApiKey(apiKey: ApiKey, token: TokenRecord, entry: AuditEntry): Promise<boolean>;
  /** Changes an API key as {@link update} changes a project. */
  updateApiKey(id: string, change: (apiKey: ApiKey) => ApiKeyChanges, entry: AuditEntry): Promise<ApiKey | undefined>;
  /**
   * Gives a key another token. Its earlier tokens end at `earlierUntil`, or before if they did so anyway. `undefined`,
   * and nothing changed or logged, when there is no such key or it is revoked.
   */
  rotateApiKey(id: string, token: TokenRecord, earlierUntil: Date, entry: AuditEntry): Promise<ApiKey | undefined>;
  /** Ends a key for good, with all its tokens. One that is revoked already stays so since then, and nothing is logged. */
  revokeApiKey(id: string, at: Date, entry: AuditEntry): Promise<ApiKey | undefined>;
  /** The keys with these ids, in no promised order; unknown ids are left out. */
  findApiKeys(ids: readonly string[]): Promise<readonly ApiKey[]>;
  listApiKeys(projectId: string, slice: ListSlice): Promise<readonly ApiKey[]>;
  /** What the tokens with these hashes are good for; unknown ones, and those of revoked keys, are left out. */
  findTokens(hashes: readonly string[]): Promise<readonly TokenUse[]>;
  /** Notes that a key was used at this moment, unless it was used later. */
  noteUse(apiKeyId: string, at: Date): Promise<void>;
  /** Whether there is an API key that is not revoked. */
  hasApiKeys(): Promise<boolean>;

  /** Adds an entry about a change that is none of projects or keys. */
  addEntry(entry: AuditEntry): Promise<void>;
  listEntries(slice: ListSlice): Promise<readonly AuditEntry[]>;
}
