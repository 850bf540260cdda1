import type { HistoryFilter } from "../../ports/history.ts";
import type { Owner } from "../../ports/records.ts";

/** Who asks. */
export interface Caller {
  /** `proj_…`: the project that new records belong to. */
  readonly projectId: string;
  /** The end user for whom the project asks: such a caller sees the records of this end user alone. */
  readonly endUser?: string | undefined;
  /** `key_…`: the API key that it asks with; `undefined` for other credentials, and for none. */
  readonly apiKeyId?: string | undefined;
  /** The network that a caller without credentials calls from; such callers take turns by it. */
  readonly network?: string | undefined;
  /** The first digits of the SHA-256 of the admin key that it called with. */
  readonly adminKeyHint?: string | undefined;
  /** Whether it manages the gateway, and sees the records of every project. @defaultValue false */
  readonly isAdmin?: boolean | undefined;
}

/** A project and an end user; `undefined` stands for any. */
export type Scope = Pick<HistoryFilter, "projectId" | "endUser">;

/** Whether a caller may see a record and change it. */
export function mayAccess(caller: Caller, record: Owner): boolean {
  const { projectId, endUser } = scopeOf(caller);
  return (
    (projectId === undefined || record.projectId === projectId) && (endUser === undefined || record.endUser === endUser)
  );
}

/** Whose records a caller may see. */
export function scopeOf({ projectId, endUser, isAdmin }: Caller): Scope {
  if (endUser !== undefined) return { projectId, endUser };
  return isAdmin ? {} : { projectId };
}
