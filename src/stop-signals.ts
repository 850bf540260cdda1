import { constants } from "node:os";
import type { Logger } from "pino";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/**
 * A signal this soon after the first one is a repetition of it. A terminal sends Ctrl-C to npm and to the gateway, and
 * npm passes it on to the gateway once more.
 */
const REPEATED_SIGNAL_MS = 2_000;

/**
 * Calls `stop` with the first signal that asks the process to end. A later signal that is not a repetition ends the
 * process at once, with the exit code that shells report for a process killed by that signal.
 */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void, logger: Pick<Logger, "info" | "warn">): void {
  let firstAt: number | undefined;
  const onSignal = (signal: (typeof SIGNALS)[number]) => {
    const at = performance.now();
    if (firstAt === undefined) {
      firstAt = at;
      logger.info({ signal }, "stopping");
      stop(signal);
    } else if (at - firstAt < REPEATED_SIGNAL_MS) {
      logger.info({ signal }, "stopping already");
    } else {
      logger.warn({ signal }, "stopped at once, by another signal");
      process.exit(128 + constants.signals[signal]);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
}
