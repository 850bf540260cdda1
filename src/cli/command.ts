import type { ClientConfig } from "../config.ts";
import type { Connection } from "./connection.ts";
import type { Flags, Options } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

/** What a command works with. */
export interface CommandContext {
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly config: ClientConfig;
  /** Aborts when the user presses Ctrl-C, or the process is told to end. */
  readonly interrupted: AbortSignal;
  /** Connects to the gateway that the environment names, or that is at the default address. */
  connect(): Connection;
  /** The same; if there is none, starts one inside this process. @throws StartError when it cannot start */
  connectOrStart(): Promise<Connection>;
}

/** A command of the command line. */
export interface Command {
  /** One sentence without a full stop. */
  readonly summary: string;
  /** What follows the name of the command: `PROMPT [options]`. */
  readonly usage: string;
  /** Least and most arguments. */
  readonly arguments: readonly [min: number, max: number];
  readonly options: Options;
  /** What else the help says, in short paragraphs. */
  readonly details?: readonly string[];
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** @throws CommandFailure with the reason and the exit code */
  run(context: CommandContext): Promise<void>;
}

/** For commands whose result a script may want as a whole. */
export const JSON_OPTION = { json: { description: "print JSON, one value a line" } } as const;

/** For commands that the admin key can run for any project. */
export const PROJECT_OPTION = {
  project: { value: "ID", description: "with the admin key: the project to act for" },
} as const;
