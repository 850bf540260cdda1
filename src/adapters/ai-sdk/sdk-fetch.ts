import { setTimeout as delay } from "node:timers/promises";
import { guardedHttpFetch, httpFetch } from "../http-fetch.ts";
import { addressIn, checkedLookup, isPublicAddress, type Resolve, systemResolve } from "../public-addresses.ts";
import { countSubmission } from "./submissions.ts";

export interface SdkFetchOptions {
  /** Finds the addresses of a host. @defaultValue the system's resolver */
  readonly resolve?: Resolve;
  /** Resolves after the given milliseconds, or rejects when the signal aborts. @defaultValue a timer */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
  /** The most bytes of the answer to a submission, which the SDK reads into memory. @defaultValue 256 MiB */
  readonly maxAnswerBytes?: number;
}

/** The waits before each retry of a result that was paid for, in milliseconds: more than a minute in total. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 16_000, 32_000];
/** The most bytes of a result that are read. */
const MAX_RESULT_BYTES = 64 * 1024 * 1024;
/** Enough for ten large images in base64. Text of more than 512 MB would not fit into a string. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** Answers to a GET that are final. Redirects go to the SDK, which checks where they lead. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 400, 401, 410, 413, 422]);

/**
 * Creates the `fetch` of one model of the AI SDK.
 *
 * - A submission is sent once, and one call of a model makes no more of them than it has images. Like every paid call, it has no time limit of its own and follows no redirect.
 * - The SDK gets results by GET: it polls, and downloads images from addresses in the vendor's answers. They are paid
 *   for, so a GET that fails is repeated for more than a minute. It may connect only to public addresses, and to the
 *   server that got the submission, which the operator configured.
 */
export function createSdkFetch({
  resolve = systemResolve,
  wait = pause,
  maxAnswerBytes = MAX_ANSWER_BYTES,
}: SdkFetchOptions = {}): typeof fetch {
  const ownOrigins = new Set<string>();
  const guarded = guardedHttpFetch(
    checkedLookup(resolve, (address) => {
      if (!isPublicAddress(address)) throw new Error("the host has a private address");
    }),
  );
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (init.method !== undefined && init.method !== "GET") {
      countSubmission(url);
      ownOrigins.add(url.origin);
      return bounded(await submit(url, init), maxAnswerBytes);
    }
    const isOwn = ownOrigins.has(url.origin);
    const literal = addressIn(url);
    if (!isOwn && literal !== undefined && !isPublicAddress(literal)) throw new TypeError("a private address");
    return getPersistently(isOwn ? httpFetch : guarded, url, init, wait);
  };
}

async function submit(url: URL, init: RequestInit): Promise<Response> {
  const { body, headers, ...rest } = init;
  // Only `Response` knows how to write a form, and the type of the result.
  const form = body && typeof body !== "string" ? new Response(body) : undefined;
  const contentType = form?.headers.get("content-type");
  const allHeaders = {
    ...Object.fromEntries(new Headers(headers)),
    ...(contentType && { "content-type": contentType }),
  };
  try {
    return await httpFetch(url, { ...rest, headers: allHeaders, body: form ? form.body : (body ?? null) });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    // The SDK recognises a failed connection by this text.
    throw new TypeError("fetch failed", { cause });
  }
}

/** Lets reading fail, and closes the connection, when an answer is too long. */
function bounded(answer: Response, maxBytes: number): Response {
  const { body, status, headers } = answer;
  if (!body) return answer;
  let byteCount = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(part, controller) {
      byteCount += part.byteLength;
      if (byteCount > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
      controller.enqueue(part);
    },
  });
  return new Response(body.pipeThrough(counter), { status, headers });
}

async function getPersistently(
  get: typeof fetch,
  url: URL,
  init: RequestInit,
  wait: NonNullable<SdkFetchOptions["wait"]>,
): Promise<Response> {
  const signal = init.signal ?? undefined;
  for (const waitMs of [...WAITS_MS, undefined]) {
    try {
      const response = await getWhole(get, url, init);
      if (waitMs === undefined || response.ok || FINAL_STATUSES.has(response.status)) return response;
    } catch (cause) {
      signal?.throwIfAborted();
      if (waitMs === undefined) throw new TypeError("fetch failed", { cause });
    }
    await wait(waitMs, signal).catch(() => signal?.throwIfAborted());
  }
  throw new Error("the last attempt returns or throws");
}

/** Reads an answer to its end, so that one that breaks off can be asked for again. */
async function getWhole(get: typeof fetch, url: URL, init: RequestInit): Promise<Response> {
  const { status, headers, body } = await get(url, init);
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of body ?? []) {
    byteCount += part.byteLength;
    if (byteCount > MAX_RESULT_BYTES) return new Response(null, { status: 413 });
    parts.push(part);
  }
  return new Response(byteCount === 0 ? null : Buffer.concat(parts), { status, headers });
}

const pause = (ms: number, signal: AbortSignal | undefined) => delay(ms, undefined, signal && { signal });
