import { type DestinationStream, type Logger, pino } from "pino";
import { GatewayError } from "./errors.ts";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** More buffered bytes than this are written immediately. */
const MAX_BUFFERED_BYTES = 8 * 1024;
/** How long a line may wait, so that it is written together with others. */
const FLUSH_AFTER_MS = 10;

/**
 * Creates a logger that writes JSON lines to stdout. Of an error it logs the name, the code and the stack frames. The
 * text of another library's error can repeat a prompt or a key, so it is logged only at the levels `debug` and `trace`.
 */
export function createLogger(level: LogLevel): Logger {
  const showsTexts = level === "debug" || level === "trace";
  stdout ??= openStdout();
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => toLogged(error, showsTexts) },
    },
    stdout,
  );
}

let stdout: DestinationStream | undefined;

/**
 * Writes the lines of {@link FLUSH_AFTER_MS} together. One write for each line took 4 to 8 % of the processor time of a
 * small request. Remaining lines are written when the process exits.
 */
function openStdout(): DestinationStream {
  const destination = pino.destination({ dest: 1, sync: true, minLength: MAX_BUFFERED_BYTES });
  let isScheduled = false;
  const flush = () => {
    isScheduled = false;
    destination.flush();
  };
  process.once("exit", () => destination.flushSync());
  return {
    write(line) {
      destination.write(line);
      if (isScheduled) return;
      isScheduled = true;
      setTimeout(flush, FLUSH_AFTER_MS).unref();
    },
  };
}

interface LoggedError {
  readonly name: string;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly message?: string;
  readonly frames?: readonly string[];
  readonly cause?: LoggedError;
}

function toLogged(error: unknown, showsTexts: boolean): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const { code, status, syscall } = error as { code?: unknown; status?: unknown; syscall?: unknown };
  const isSafeText = error instanceof GatewayError || syscall !== undefined;
  const frames = framesOf(error);
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...((isSafeText || showsTexts) && { message: error.message }),
    ...(!(error instanceof GatewayError) && frames && { frames }),
    ...(error.cause !== undefined && { cause: toLogged(error.cause, showsTexts) }),
  };
}

/** Skips the message at the start of the stack, because its lines can look like frames: "a house\n    at the sea". */
function framesOf({ stack = "", message }: Error): string[] | undefined {
  const start = stack.indexOf(message);
  if (start < 0) return undefined;
  return stack
    .slice(start + message.length)
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}
