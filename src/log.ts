import { type DestinationStream, type Logger, pino } from "pino";
import { GatewayError } from "./errors.ts";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** More than this is written at once. */
const MAX_TURN_BYTES = 8 * 1024;

/**
 * JSON lines on stdout. An error is logged by its name, code and stack frames: the text of a foreign error can repeat
 * a prompt or a key, so that it appears only from level `debug` down.
 */
export function createLogger(level: LogLevel): Logger {
  const showsTexts = level === "debug" || level === "trace";
  stdout ??= openStdout();
  return pino(
    {
      level,
      base: null,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => toLogged(error, showsTexts) },
    },
    stdout,
  );
}

let lastTime = { ms: Number.NaN, text: "" };

/** The same as pino's, which formats the same millisecond for each line anew. */
function isoTime(): string {
  const ms = Date.now();
  if (ms !== lastTime.ms) lastTime = { ms, text: `,"time":"${new Date(ms).toISOString()}"` };
  return lastTime.text;
}

let stdout: DestinationStream | undefined;

/**
 * Writes the lines of one turn of the event loop together: a write costs as much as a small request. What is left when
 * the process exits is written then.
 */
function openStdout(): DestinationStream {
  const destination = pino.destination({ dest: 1, sync: true, minLength: MAX_TURN_BYTES });
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
      setImmediate(flush);
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
