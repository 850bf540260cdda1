import { Logger as EngineLogger } from "graphile-worker";
import type { Logger } from "pino";

const LEVELS = { error: "error", warning: "warn", info: "debug", debug: "trace" } as const;

/** Forwards the log of graphile-worker. */
export function toEngineLogger(logger: Logger): EngineLogger {
  return new EngineLogger(() => (level, message, { error }) => {
    logger[LEVELS[level]](error === undefined ? {} : { err: error }, message);
  });
}
