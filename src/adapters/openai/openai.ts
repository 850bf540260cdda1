import OpenAI from "openai";
import { GatewayError } from "../../errors.ts";
import type { Downloads } from "../../ports/downloads.ts";
import type { GenerateRequest, ImageProvider, ProviderEvent } from "../../ports/image-provider.ts";
import { readAnnouncements } from "./announcements.ts";
import { BrokenAnswer } from "./broken-answer.ts";
import { describeModels } from "./catalogue.ts";
import { toEditParameters } from "./edit-parameters.ts";
import { bytesOf, httpFetch } from "./http-fetch.ts";
import { MAX_IMAGE_BYTES, readImages } from "./image-answer.ts";
import { notDownloaded, timedOut, toGatewayError } from "./to-gateway-error.ts";

export interface OpenAIOptions {
  /** Sent as the bearer token. */
  readonly apiKey: string;
  /** Where the API begins, version included. @defaultValue `https://api.openai.com/v1` */
  readonly baseUrl?: string;
  /** The most milliseconds one call may take, from its start to the last byte that the consumer reads. */
  readonly timeoutMs: number;
  /**
   * Models the operator configured that the catalogue does not know, such as a compatible server's or one newer than
   * this release; they get the rules of gpt-image-2. @defaultValue none
   */
  readonly extraModels?: readonly string[];
  /**
   * Fetches the images of compatible servers that answer with addresses.
   * @defaultValue such answers are refused
   */
  readonly downloads?: Downloads;
  /**
   * Makes the calls. One of another kind should have no time limit shorter than `timeoutMs` and follow no redirect.
   * @defaultValue one over `node:http` that has neither
   */
  readonly fetch?: typeof fetch;
}

/** The most that is read of an answer with an error status. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * OpenAI's Images API, or any server that speaks it. One `generate` is one call, never repeated: whether it may be,
 * the error tells by `details.billed` and `isRetryable`.
 */
export function createOpenAI(options: OpenAIOptions): ImageProvider {
  const { apiKey, baseUrl = "https://api.openai.com/v1", extraModels = [] } = options;
  // Everything that the client would read from the environment or log by itself is set.
  const client = new OpenAI({
    apiKey,
    baseURL: baseUrl,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    maxRetries: 0,
    timeout: options.timeoutMs,
    fetch: withShortErrors(options.fetch ?? httpFetch),
  });
  return {
    name: "openai",
    models: describeModels(extraModels),
    generate: (request, signal) => generate(client, options, request, signal),
    announcements: (signal) => readAnnouncements(client, signal),
    close: async () => {},
  };
}

async function* generate(
  client: OpenAI,
  { timeoutMs, downloads }: OpenAIOptions,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  signal.throwIfAborted();
  const call = new AbortController();
  const abort = (): void => call.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort();
  }, timeoutMs);
  signal.addEventListener("abort", abort, { once: true });
  const toError = (error: unknown, hasImage: boolean): unknown => {
    if (signal.aborted) return signal.reason;
    const billed = hasImage ? "YES" : "UNKNOWN";
    return isLate ? timedOut(billed, error) : toGatewayError(error, billed);
  };
  try {
    const response = await ask(client, request, call.signal);
    const body = bytesOf(response);
    if (!body) throw new BrokenAnswer("it is empty");
    yield* readImages({
      body,
      contentType: response.headers.get("content-type"),
      imageCount: request.n,
      download: downloads && ((address) => download(downloads, address, timeoutMs, call.signal)),
      toError,
      release: abort,
    });
  } catch (error) {
    throw toError(error, false);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    abort();
  }
}

/** @throws GatewayError that speaks of the provider, which gave the address */
async function* download(
  downloads: Downloads,
  address: string,
  timeoutMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* downloads.read(address, { maxBytes: MAX_IMAGE_BYTES, timeoutMs }, signal);
  } catch (error) {
    throw error instanceof GatewayError ? notDownloaded(error) : error;
  }
}

function ask(client: OpenAI, request: GenerateRequest, signal: AbortSignal): Promise<Response> {
  const parameters = toParameters(request);
  if (!request.edit) return client.images.generate(parameters, { signal }).asResponse();
  return client.images.edit(toEditParameters(parameters, request.edit), { signal }).asResponse();
}

/**
 * Exactly what today's models take. `background` is left out where the model is to choose. The vendor streams single
 * images only ("Streaming is only supported with n=1"), so several come without previews.
 *
 * @see https://platform.openai.com/docs/api-reference/images/create
 */
function toParameters(request: GenerateRequest): OpenAI.Images.ImageGenerateParams {
  const { model, prompt, n, size, quality, format, background, partialImages } = request;
  const { compression, moderation, safetyIdentifier } = request;
  return {
    model,
    prompt,
    n,
    size: `${size.width}x${size.height}`,
    quality: quality.toLowerCase() as Lowercase<typeof quality>,
    output_format: format.toLowerCase() as "png" | "jpeg" | "webp",
    ...(background === "AUTO" ? {} : { background: background.toLowerCase() as Lowercase<typeof background> }),
    ...(compression !== undefined && { output_compression: compression }),
    ...(moderation !== undefined && { moderation: moderation.toLowerCase() as Lowercase<typeof moderation> }),
    ...(safetyIdentifier !== undefined && { safety_identifier: safetyIdentifier }),
    ...(partialImages > 0 && n === 1 ? { stream: true, partial_images: partialImages } : {}),
  };
}

/** The client reads an answer with an error status whole: this cuts it off. */
function withShortErrors(fetchAnswer: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await fetchAnswer(input, init);
    if (response.ok || !response.body) return response;
    const parts: Uint8Array[] = [];
    let byteCount = 0;
    for await (const part of response.body) {
      parts.push(part);
      byteCount += part.byteLength;
      if (byteCount > MAX_ERROR_BYTES) break;
    }
    return new Response(Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES), {
      status: response.status,
      headers: response.headers,
    });
  };
}
