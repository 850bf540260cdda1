import { signal as stateSignal } from "@preact/signals";
import type { TypedDocumentString } from "../generated/graphql.ts";
import { type ErrorCode, StudioError, toErrorCode } from "./errors.ts";
import { readEvents } from "./event-stream.ts";
import { credentialHeaders, refuseKey } from "./key.ts";

/** Silence after which a stream is dead. The gateway sends a comment every 12 seconds. */
const SILENCE_MS = 40_000;
/** The longest body of a request that may outlive the page. Browsers take 64 KB of all such requests together. */
const MAX_OUTLIVING_BYTES = 60_000;
/** Waits between attempts to follow a stream again: doubled each time. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

interface GraphQLResult<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Files that variables hold as null, by path: `variables.input.mask.upload`. */
  readonly files?: Readonly<Record<string, Blob>>;
  /** Whether the request goes on when the page is closed, unless it is too large for that. */
  readonly outlivesPage?: boolean;
}

/** Returns the address of something of this gateway, below whatever prefix it is served. */
export function addressOf(path: string): string {
  return new URL(path, document.baseURI).href;
}

/**
 * Runs a query or a mutation.
 *
 * @throws StudioError for everything but a whole answer
 */
export async function request<Data, Variables>(
  operation: TypedDocumentString<Data, Variables>,
  variables: Variables,
  options: RequestOptions = {},
): Promise<Data> {
  const response = await send("graphql", operation, variables, options);
  const result = (await response.json().catch(() => ({}))) as GraphQLResult<Data>;
  if (result.errors?.length || !result.data) throw failureOf(result, response);
  return result.data;
}

interface FollowOptions<Data> {
  readonly signal: AbortSignal;
  /** Is called each time that the stream is open: what happened before is not in it. */
  readonly onOpen: () => void;
  readonly onEvent: (data: Data) => void;
}

/** Whether the stream of events is open. `undefined` before it was opened for the first time. */
export const isConnected = stateSignal<boolean | undefined>(undefined);

/**
 * Follows a subscription until the signal aborts. A broken connection is made again, as often as it takes.
 *
 * @throws StudioError when the gateway refuses the operation
 */
export async function follow<Data, Variables>(
  operation: TypedDocumentString<Data, Variables>,
  variables: Variables,
  { signal, onOpen, onEvent }: FollowOptions<Data>,
): Promise<void> {
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const response = await send("graphql/stream", operation, variables, {
        signal: AbortSignal.any([signal, silence.signal]),
      });
      isConnected.value = true;
      onOpen();
      for await (const { event, data } of readEvents(response, () => {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
      })) {
        if (event !== "next") continue;
        const result = JSON.parse(data) as GraphQLResult<Data>;
        if (result.errors?.length || !result.data) throw failureOf(result, response);
        retryMs = FIRST_RETRY_MS;
        onEvent(result.data);
      }
    } catch (error) {
      if (error instanceof StudioError && !error.isTransient) throw error;
    } finally {
      clearTimeout(timer);
      isConnected.value = false;
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

async function send<Data, Variables>(
  path: string,
  operation: TypedDocumentString<Data, Variables>,
  variables: Variables,
  { signal, files, outlivesPage = false }: RequestOptions,
): Promise<Response> {
  const operations = JSON.stringify({ query: operation.toString(), variables });
  const headers = new Headers({
    Accept: path === "graphql" ? "application/json" : "text/event-stream",
    ...credentialHeaders(),
  });
  if (files) headers.set("Apollo-Require-Preflight", "true");
  else headers.set("Content-Type", "application/json");
  const response = await fetch(addressOf(path), {
    method: "POST",
    headers,
    body: files ? toForm(operations, files) : operations,
    keepalive: outlivesPage && !files && new Blob([operations]).size <= MAX_OUTLIVING_BYTES,
    ...(signal && { signal }),
  }).catch((cause) => {
    throw new StudioError(signal?.aborted ? "ABORTED" : "OFFLINE", { cause });
  });
  if (response.status === 401) refuseKey();
  if (response.ok) return response;
  throw failureOf((await response.json().catch(() => ({}))) as GraphQLResult<Data>, response);
}

/** @see https://github.com/jaydenseric/graphql-multipart-request-spec */
function toForm(operations: string, files: Readonly<Record<string, Blob>>): FormData {
  const form = new FormData();
  form.set("operations", operations);
  form.set("map", JSON.stringify(Object.fromEntries(Object.keys(files).map((path, index) => [index, [path]]))));
  for (const [index, file] of Object.values(files).entries()) form.set(String(index), file);
  return form;
}

/** Reads both shapes of errors: those of the graph, and those of the gateway's other answers. */
function failureOf(result: object, response: Response): StudioError {
  const { errors, error } = result as GraphQLResult<unknown> & { readonly error?: Readonly<Record<string, unknown>> };
  const details = errors?.[0]?.extensions ?? error ?? {};
  const code: ErrorCode = toErrorCode(details.code, response.status);
  const retryAfter = Number(response.headers.get("Retry-After") ?? details.retryAfterSeconds);
  return new StudioError(code, {
    message: errors?.[0]?.message ?? String(error?.message ?? response.status),
    ...(typeof details.field === "string" && { field: details.field }),
    requestId: response.headers.get("X-Request-Id") ?? undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
    details,
  });
}
