import type { Operation } from "../image-provider.ts";

export const BUDGET_WINDOWS = ["DAY", "WEEK", "MONTH", "TOTAL"] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** A budget for a window of time. Windows begin at midnight UTC, weeks on Monday. */
export interface BudgetLimit {
  readonly window: BudgetWindow;
  /** US dollars as a decimal string; `undefined` for no limit. */
  readonly limitUsd?: string | undefined;
  /** Images; `undefined` for no limit. */
  readonly limitImages?: number | undefined;
}

/** The limits of a project or an API key. Absent limits do not limit. */
export interface Limits {
  /** Each window at most once. */
  readonly budgets?: readonly BudgetLimit[] | undefined;
  /** Accepted requests for images in a minute. */
  readonly requestsPerMinute?: number | undefined;
  /** The same limit for each network of callers without credentials. */
  readonly requestsPerMinutePerAddress?: number | undefined;
  /** Images of accepted requests in a minute. */
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
  /** `proj_…`, sorts by time, except `proj_public`, which always exists. */
  readonly id: string;
  readonly name: string;
  /** Whether its API keys are refused. */
  readonly isDisabled: boolean;
  /** Whether `POST /get-image` works without credentials. Only `proj_public` uses it. */
  readonly allowsAnonymous: boolean;
  readonly limits: Limits;
  readonly createdAt: Date;
}

/** A credential of a program. It belongs to one project. It has one token, or several during a rotation. */
export interface ApiKey {
  /** `key_…`, sorts by time. */
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** The beginning of its newest token, by which people recognise it. */
  readonly prefix: string;
  readonly isDisabled: boolean;
  readonly limits: Limits;
  readonly createdAt: Date;
  /** `undefined` for never. */
  readonly expiresAt?: Date | undefined;
  /** When it was revoked; `undefined` if it was not. */
  readonly revokedAt?: Date | undefined;
  /** When it was last used, to about a minute; `undefined` before the first use. */
  readonly lastUsedAt?: Date | undefined;
}

/** The stored part of a token. The token cannot be computed from it. */
export interface TokenRecord {
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string;
  /** The beginning of the token. */
  readonly prefix: string;
  readonly createdAt: Date;
}

/** A token with its API key and project. */
export interface TokenUse {
  readonly hash: string;
  readonly apiKey: ApiKey;
  readonly project: Project;
  /** When this token ends because a newer one replaces it; `undefined` for never. */
  readonly expiresAt?: Date | undefined;
}

/** A change to a project, an API key or a webhook, and who made it. */
export interface AuditEntry {
  /** `log_…`, sorts by time. */
  readonly id: string;
  /** `admin:` and the first digits of the SHA-256 of the admin key, the id of an API key, or `anyone`. */
  readonly actor: string;
  /** The name of the operation: `createProject`. */
  readonly action: string;
  readonly projectId?: string | undefined;
  readonly apiKeyId?: string | undefined;
  readonly webhookEndpointId?: string | undefined;
  /** The names of the fields that were set: `name`. */
  readonly changes: readonly string[];
  readonly createdAt: Date;
}

export type ProjectChanges = Partial<Pick<Project, "name" | "isDisabled" | "allowsAnonymous" | "limits">>;
export type ApiKeyChanges = Partial<Pick<ApiKey, "name" | "isDisabled" | "limits" | "expiresAt">>;

/** Selects a part of a list, newest first. */
export interface ListSlice {
  /** Only items older than this id. */
  readonly olderThan?: string | undefined;
  /** Only items newer than this id. */
  readonly newerThan?: string | undefined;
  /** Which end of the range the slice is taken from. */
  readonly from: "newest" | "oldest";
  readonly limit: number;
}

/**
 * Stores projects, their API keys, and the log of changes. Every change is stored together with its entry in the log,
 * or not at all. It is on disk when its promise resolves.
 */
export interface Projects {
  create(project: Project, entry: AuditEntry): Promise<void>;
  /**
   * Changes a project. Simultaneous changes are made one after the other.
   * @param change if it throws, nothing is changed or logged, and the error is passed on
   * @returns `undefined`, and nothing is changed or logged, if there is no such project
   */
  update(id: string, change: (project: Project) => ProjectChanges, entry: AuditEntry): Promise<Project | undefined>;
  /** The projects with these ids, in any order. Unknown ids are left out. */
  find(ids: readonly string[]): Promise<readonly Project[]>;
  list(slice: ListSlice): Promise<readonly Project[]>;

  /** `false`, and nothing stored or logged, when there is no such project. */
  createApiKey(apiKey: ApiKey, token: TokenRecord, entry: AuditEntry): Promise<boolean>;
  /** Changes an API key as {@link update} changes a project. */
  updateApiKey(id: string, change: (apiKey: ApiKey) => ApiKeyChanges, entry: AuditEntry): Promise<ApiKey | undefined>;
  /**
   * Gives a key a new token. Its earlier tokens end at `earlierUntil`, unless they end sooner. `undefined`, and nothing
   * changed or logged, when there is no such key or it is revoked.
   */
  rotateApiKey(id: string, token: TokenRecord, earlierUntil: Date, entry: AuditEntry): Promise<ApiKey | undefined>;
  /** Revokes a key with all its tokens. If the key is revoked already, nothing is changed or logged. */
  revokeApiKey(id: string, at: Date, entry: AuditEntry): Promise<ApiKey | undefined>;
  /** The keys with these ids, in any order. Unknown ids are left out. */
  findApiKeys(ids: readonly string[]): Promise<readonly ApiKey[]>;
  listApiKeys(projectId: string, slice: ListSlice): Promise<readonly ApiKey[]>;
  /** Finds the tokens with these hashes. Unknown ones, and those of revoked keys, are left out. */
  findTokens(hashes: readonly string[]): Promise<readonly TokenUse[]>;
  /** Records that a key was used at this moment, unless a later use is recorded. */
  noteUse(apiKeyId: string, at: Date): Promise<void>;
  /** Whether there is an API key that is not revoked. */
  hasApiKeys(): Promise<boolean>;

  /** Adds an entry about a change to something other than projects and keys. */
  addEntry(entry: AuditEntry): Promise<void>;
  listEntries(slice: ListSlice): Promise<readonly AuditEntry[]>;
}
