/** What a check of the doctor found. */
export interface Finding {
  /** The name of the check: `database`. */
  readonly name: string;
  /** `problem`: the gateway does not work as it is. `warning`: the operator should know. */
  readonly state: "ok" | "warning" | "problem";
  /** What was found, in one sentence without a full stop. It has no secret. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** The time of another machine, to compare the clock of this one with. */
export interface RemoteTime {
  /** Whose it is: `the database`. */
  readonly source: string;
  readonly time: Date;
  /** When it was read, by the clock of this machine. */
  readonly readAt: Date;
}

/** What a check found, and the time of the machine that it asked. */
export interface RemoteFinding {
  readonly finding: Finding;
  readonly remoteTime?: RemoteTime;
}

export const ok = (name: string, text: string): Finding => ({ name, state: "ok", text });
export const warning = (name: string, text: string, advice: string): Finding => ({
  name,
  state: "warning",
  text,
  advice,
});
export const problem = (name: string, text: string, advice: string): Finding => ({
  name,
  state: "problem",
  text,
  advice,
});
