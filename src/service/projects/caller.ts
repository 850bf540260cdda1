import type { HistoryFilter } from "../../ports/history.ts";
import type { Owner } from "../../ports/records.ts";

/** The sender of a request. */
export interface Caller {
  /** `proj_…`: the project that new records belong to. */
  readonly projectId: string;
  /** The end user that the request is for. Such a caller sees only the records of this end user. */
  readonly endUser?: string | undefined;
  /** `key_…`: the API key of the request; `undefined` for other credentials, and for none. */
  readonly apiKeyId?: string | undefined;
  /** The network of a caller without credentials. Such callers take turns, and are limited, by their networks. */
  readonly network?: string | undefined;
  /** The first digits of the SHA-256 of the admin key; `undefined` for other credentials. */
  readonly adminKeyHint?: string | undefined;
  /** Whether the caller manages the gateway and sees the records of every project. @defaultValue false */
  readonly isAdmin?: boolean | undefined;
}

/** A project and an end user. `undefined` means any. */
export type Scope = Pick<HistoryFilter, "projectId" | "endUser">;

/** Whether a caller may see and change a record. */
export function mayAccess(caller: Caller, record: Owner): boolean {
  const { projectId, endUser } = scopeOf(caller);
  return (
    (projectId === undefined || record.projectId === projectId) && (endUser === undefined || record.endUser === endUser)
  );
}

/** Returns the project and the end user whose records a caller may see. */
export function scopeOf({ projectId, endUser, isAdmin }: Caller): Scope {
  if (endUser !== undefined) return { projectId, endUser };
  return isAdmin ? {} : { projectId };
}
