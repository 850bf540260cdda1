import type OpenAI from "openai";
import { GatewayError } from "../../errors.ts";
import type { Downloads } from "../../ports/downloads.ts";
import type { Announcement, GenerateRequest, ImageProvider, ProviderEvent } from "../../ports/image-provider.ts";
import { readAnnouncements } from "./announcements.ts";
import { MAX_IMAGE_BYTES, readImages } from "./answers/image-answer.ts";
import { describeModel, describeModels, describeServerModels } from "./catalogue.ts";
import { type ImageCallAnswer, ImageCalls, type ImageParameters } from "./image-calls.ts";
import { ServerDialect } from "./server-dialect.ts";
import type { OptionalParameter, ServerModel } from "./server-model.ts";
import { notDownloaded, timedOut, toGatewayError } from "./to-gateway-error.ts";

export interface OpenAIOptions {
  /**
   * The provider's name, if it is one of several. It then has only `models`, and no model of OpenAI's.
   * @defaultValue `openai`, with OpenAI's models
   */
  readonly name?: string;
  /** By the gateway's name: how models are called, where that differs from OpenAI's way. @defaultValue none */
  readonly models?: ReadonlyMap<string, ServerModel>;
  /** Sent as the bearer token. */
  readonly apiKey: string;
  /** The base URL of the API, including its version. @defaultValue `https://api.openai.com/v1` */
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
   * Headers to add to the call that is about to be made, such as those that let a server of the operator's continue a
   * trace. @defaultValue none
   */
  readonly moreHeaders?: () => Readonly<Record<string, string>>;
  /**
   * Makes the calls. One of another kind should have no time limit shorter than `timeoutMs` and follow no redirect.
   * @defaultValue one over `node:http` that has neither
   */
  readonly fetch?: typeof fetch;
}

const VENDOR_URL = "https://api.openai.com/v1";

/**
 * Creates a provider for OpenAI's Images API, or a server that is compatible with it. One `generate` makes one call. It
 * repeats the call only if a compatible server refuses a parameter that it does not support, without that parameter.
 * For other failures, the error's `details.billed` and `isRetryable` say whether the call may be repeated.
 */
export function createOpenAI(options: OpenAIOptions): ImageProvider {
  const { name, apiKey, baseUrl = VENDOR_URL, extraModels = [], models = new Map() } = options;
  const calls = new ImageCalls({ apiKey, baseUrl, timeoutMs: options.timeoutMs, fetch: options.fetch });
  const dialect = new ServerDialect(baseUrl, (signal) => readAnnouncements(calls.client, signal));
  return {
    ...(name === undefined
      ? { name: "openai", models: describeModels(extraModels), describe: describeModel }
      : { name, models: describeServerModels(name, models) }),
    generate: (request, signal) => generate({ calls, dialect, ...options }, request, signal),
    announcements: async (signal) => toOwnNames(await dialect.announcements(signal), models),
    close: async () => {},
  };
}

/** Adds what the server announced about models that the gateway calls by other names. */
function toOwnNames(
  announced: ReadonlyMap<string, Announcement>,
  models: ReadonlyMap<string, ServerModel>,
): ReadonlyMap<string, Announcement> {
  const renamed = [...models].flatMap(([id, { name }]): [string, Announcement][] => {
    const announcement = name === undefined ? undefined : announced.get(name);
    return announcement ? [[id, announcement]] : [];
  });
  return new Map([...announced, ...renamed]);
}

interface Server extends OpenAIOptions {
  readonly calls: ImageCalls;
  readonly dialect: ServerDialect;
}

async function* generate(server: Server, request: GenerateRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent> {
  signal.throwIfAborted();
  const { downloads, timeoutMs } = server;
  const { n, prompt } = request;
  const call = new AbortController();
  const abort = (): void => call.abort();
  let isLate = false;
  let isOver = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort();
  }, timeoutMs);
  signal.addEventListener("abort", abort, { once: true });
  const toError = (error: unknown, hasImage: boolean): unknown => {
    if (signal.aborted) return signal.reason;
    const billed = hasImage ? "YES" : "UNKNOWN";
    return isLate ? timedOut(billed, error) : toGatewayError(error, { billed, prompt });
  };
  try {
    const { answer, leftOut } = await ask(server, request, call.signal);
    const events = readImages({
      body: answer.body,
      contentType: answer.contentType,
      imageCount: n,
      prompt,
      download: downloads && ((address) => download(server, downloads, address, call.signal)),
      toError,
      isCanceled: () => signal.aborted,
      release: abort,
    });
    const { omit = [] } = server.models?.get(request.model) ?? {};
    let warnings = warningsOf(request, leftOut, omit);
    for await (const event of events) {
      yield event.type === "image" && warnings.length > 0 ? { ...event, warnings } : event;
      if (event.type === "image") warnings = [];
    }
    isOver = true;
  } catch (error) {
    throw toError(error, false);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    // A call whose answer was read needs no abort, which would cost as much as sending the call.
    if (!isOver) abort();
  }
}

/**
 * Downloads an image that was made and paid for.
 *
 * @param address the address in the answer, which may be relative to the API's base URL
 * @throws GatewayError that names the provider, which gave the address
 */
async function* download(
  { baseUrl = VENDOR_URL, timeoutMs }: OpenAIOptions,
  downloads: Downloads,
  address: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const url = URL.parse(address, `${baseUrl}/`)?.href ?? address;
  try {
    yield* downloads.read(url, { maxBytes: MAX_IMAGE_BYTES, timeoutMs, isPaid: true }, signal);
  } catch (error) {
    throw error instanceof GatewayError ? notDownloaded(error) : error;
  }
}

/** Makes the call, and repeats it without each parameter that a compatible server does not support. */
async function ask(
  { calls, dialect, models, moreHeaders }: Server,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<{ readonly answer: ImageCallAnswer; readonly leftOut: ReadonlySet<OptionalParameter> }> {
  const isVendor = await dialect.isVendor(signal);
  const { name = request.model, omit = [], send: added = {} } = models?.get(request.model) ?? {};
  for (;;) {
    const leftOut = new Set([...omit, ...dialect.refusedBy(request.model)]);
    const parameters = without(leftOut, {
      ...toParameters(request),
      ...(!isVendor && { response_format: "b64_json" as const }),
      model: name,
    });
    try {
      const options = { signal, headers: moreHeaders?.() ?? {} };
      const all = { ...parameters, ...added };
      const { edit } = request;
      return { answer: await (edit ? calls.edit(all, edit, options) : calls.generate(all, options)), leftOut };
    } catch (error) {
      // The loop ends, because each attempt has one parameter less. The operator's own parameters stay.
      const own = Object.fromEntries(Object.entries(parameters).filter(([parameter]) => !(parameter in added)));
      if (isVendor || !dialect.learn(request.model, error, own)) throw error;
    }
  }
}

function without(
  names: ReadonlySet<OptionalParameter>,
  parameters: OpenAI.Images.ImageGenerateParams,
): ImageParameters {
  // The vendor accepts each of these two parameters only together with the other.
  const isUnseen = names.has("stream") || names.has("partial_images");
  const all = isUnseen ? new Set([...names, "stream", "partial_images"]) : names;
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => !all.has(name as OptionalParameter)),
  ) as ImageParameters;
}

/** The warnings about parameters that were left out, except those that the gateway itself compensates for. */
function warningsOf(
  request: GenerateRequest,
  leftOut: ReadonlySet<OptionalParameter>,
  omit: readonly OptionalParameter[],
): readonly string[] {
  const { quality, background, partialImages, compression, moderation } = request;
  const missed: Readonly<Partial<Record<OptionalParameter, boolean>>> = {
    // The operator who omits the size knows which one the model makes.
    size: !omit.includes("size"),
    quality: quality !== "AUTO",
    background: background !== "AUTO",
    output_compression: compression !== undefined,
    moderation: moderation !== undefined,
    partial_images: partialImages > 0,
  };
  const names = [...leftOut].filter((name) => missed[name]);
  return names.map((name) => `the provider does not take ${name} for ${request.model}; it was left out`);
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
