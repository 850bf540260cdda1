import { type Logger, pino } from "pino";
import { GatewayError } from "./errors.ts";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * JSON lines on stdout. An error is logged by its name, code and stack frames: the text of a foreign error can repeat
 * a prompt or a key, so that it appears only from level `debug` down.
 */
export function createLogger(level: LogLevel): Logger {
  const showsTexts = level === "debug" || level === "trace";
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error: unknown) => toLogged(error, showsTexts) },
  });
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
  const isOurText = error instanceof GatewayError || syscall !== undefined;
  const frames = framesOf(error);
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...((isOurText || showsTexts) && { message: error.message }),
    ...(!(error instanceof GatewayError) && frames && { frames }),
    ...(error.cause !== undefined && { cause: toLogged(error.cause, showsTexts) }),
  };
}

/** The stack begins with the message, a line of which can look like a frame: "a house\n    at the sea". */
function framesOf({ stack = "", message }: Error): string[] | undefined {
  const start = stack.indexOf(message);
  if (start < 0) return undefined;
  return stack
    .slice(start + message.length)
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}
