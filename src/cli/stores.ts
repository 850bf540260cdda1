import type { Config } from "../config.ts";
import { GatewayError, StartError } from "../errors.ts";
import { CommandFailure, EXIT, usageFailure } from "./command-failure.ts";

/**
 * Reads the configuration of the gateway whose store a command works on.
 *
 * @throws CommandFailure naming every wrong variable
 */
export async function readOperatorConfig(): Promise<Config> {
  const { readConfig } = await import("../config.ts");
  try {
    return readConfig();
  } catch (error) {
    throw error instanceof StartError ? usageFailure(error.message) : error;
  }
}

/** Waits for work on a store. @throws CommandFailure saying what is wrong, unless a bug caused it */
export async function reportProblems<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw (await toFailure(error as NodeJS.ErrnoException)) ?? error;
  }
}

async function toFailure(error: NodeJS.ErrnoException): Promise<CommandFailure | undefined> {
  const { name, message, syscall } = error;
  if (name === "AbortError") {
    return new CommandFailure("interrupted: run the same command again, and it goes on", EXIT.interrupted);
  }
  const { BackupError } = await import("../backup/backup-error.ts");
  if (error instanceof BackupError || error instanceof StartError) {
    return new CommandFailure(message, EXIT.failure, { cause: error });
  }
  if (syscall === undefined && !(error instanceof GatewayError)) return undefined;
  return new CommandFailure(`${message}. Run the same command again, and it goes on`, EXIT.failure, { cause: error });
}
