import type { Request, Response } from "express";
import type { Logger } from "pino";
import { isProbe, METRICS_PATH } from "./health/probes.ts";

/**
 * Returns a function that logs one line when the request is over. The line contains no query, and only the id of an
 * image's path, because the rest is signed.
 */
export function logAtEnd(requestId: string, request: Request, response: Response, logger: Logger): () => void {
  const startedAt = performance.now();
  const { method, path } = request;
  return () => {
    const durationMs = Math.round(performance.now() - startedAt);
    const { statusCode: status } = response;
    const message =
      response.writableFinished || status === 101 ? "request answered" : "client disconnected before the answer";
    const isFrequent = isProbe(path) || path === METRICS_PATH;
    const level = isFrequent && status < 400 ? "debug" : "info";
    logger[level]({ requestId, method, path: toLoggedPath(path), status, durationMs }, message);
  };
}

const IMAGES = "/images/";
/** OpenAI's routes contain `/images/` too, but no signatures. */
const OPENAI = "/v1/";
/** Matches the characters and the length of the gateway's own paths. */
const PLAIN_START = /^[A-Za-z0-9/._-]{0,100}/;
const ID_START = /^(?:img|gen)_[0-9a-z]{26}/;

/**
 * Returns the part of a path that cannot contain a signature or a prompt. Below `/images/` that is the id alone. In
 * other paths it ends before the first character that the gateway's own paths never contain.
 */
export function toLoggedPath(path: string): string {
  const imagesAt = path.startsWith(OPENAI) ? -1 : path.toLowerCase().indexOf(IMAGES);
  if (imagesAt < 0) return plainStartOf(path);
  const [id = ""] = ID_START.exec(path.slice(imagesAt + IMAGES.length)) ?? [];
  return plainStartOf(path.slice(0, imagesAt)) + IMAGES + id;
}

function plainStartOf(text: string): string {
  return PLAIN_START.exec(text)?.[0] ?? "";
}
