/**
 * OpenAI's current Images API on a local port, as strict as the vendor's. This file is longer than others because the
 * rules, the pictures and the faults belong together: a test starts the server with one call.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import sharp from "sharp";
import { checkFiles, type RecordedFile, type RecordedForm, readForm } from "./strict-edits.ts";
import type { ErrorFields } from "./vendor-error.ts";

/** How the next answer fails or differs. Only calls that pass the strict checks get one of these. */
export type Behaviour =
  /** The vendor's answer: n pictures of the size and format asked for. */
  | "normal"
  /** 401 for every key. */
  | "unauthorized"
  | "moderationBlocked"
  | "billingLimit"
  | "serverError"
  /** Never answers. */
  | "hang"
  /** Sends status 200 and the beginning of the answer, and then nothing. */
  | "hangInBody"
  /** Closes the connection without an answer. */
  | "resetBeforeAnswer"
  /** Closes the connection in the middle of the answer. */
  | "resetInBody"
  /** A proxy's page with status 200. */
  | "html"
  /** A complete HTTP answer that holds half the JSON. */
  | "halfJson"
  | "noImages"
  | "oneImageTooFew"
  | "notBase64"
  /** Base64 of a text in place of an image. */
  | "notAnImage"
  /** URLs at another host in place of Base64, as some compatible servers answer. */
  | "urls"
  /** URLs at this server, where the pictures are. */
  | "ownUrls"
  /** Status 200 with an error, as compatible servers answer. */
  | "errorWith200"
  /** In a stream: the final picture comes after one preview, however many were requested. */
  | "finalEarly"
  /** In a stream: an error event after the first preview. */
  | "errorEvent"
  /** 429, with `Retry-After` when given. */
  | { readonly rateLimited: { readonly retryAfter?: string } }
  /** Any error in the vendor's shape. */
  | { readonly error: ErrorFields & { readonly status: number; readonly headers?: Readonly<Record<string, string>> } }
  /** The vendor's answer in pieces of this many bytes, each sent when the one before was read. */
  | { readonly pieces: number }
  /** These bytes, or the bytes that the function returns for the call. */
  | { readonly raw: RawAnswer | ((request: RecordedRequest) => RawAnswer) };

export interface RawAnswer {
  /** @defaultValue 200 */
  readonly status?: number;
  /** @defaultValue `content-type: application/json` */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** A call as it arrived. */
export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The JSON body, or the fields of a form; `undefined` when it was neither. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** The files of a form, in order. */
  readonly files: readonly RecordedFile[];
  /** Resolves when the whole answer was sent (`finished`) or the connection closed before that (`disconnected`). */
  readonly closed: Promise<"finished" | "disconnected">;
}

/** The next call that passes the checks; its answer is held before it begins. */
export interface HeldCall {
  readonly arrived: Promise<RecordedRequest>;
  release(): void;
}

/** A picture that the server made, final or preview. */
export interface MadeImage {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
  readonly format: "png" | "jpeg" | "webp";
  readonly isPartial: boolean;
  /** The path of the picture on this server. */
  readonly address: string;
}

/** `GET /v1/models`. Its calls are counted separately, because the gateway makes them by itself. */
export interface ModelList {
  callCount: number;
  /** The models with an announced end; all others have `null`. */
  shutdownDates: Readonly<Record<string, string>>;
  /** The answer in place of the list. */
  raw: RawAnswer | undefined;
}

export interface StrictImageApiOptions {
  /** Other model names to serve, with the rules of gpt-image-2. */
  readonly extraModels?: readonly string[];
  /** Makes the pictures of two servers different. @defaultValue 1 */
  readonly seed?: number;
}

export interface StrictImageApi {
  /** The URL with the version: `http://127.0.0.1:…/v1`. */
  readonly baseUrl: string;
  /** The only key that is accepted. */
  readonly apiKey: string;
  /** Every call in order of arrival, including refused ones. */
  readonly requests: readonly RecordedRequest[];
  readonly callCount: number;
  /** The list of models. */
  readonly models: ModelList;
  /** Every picture in order. */
  readonly images: readonly MadeImage[];
  /** Answers every call like this from now on, unless a behaviour is queued. */
  respondWith(behaviour: Behaviour): void;
  /** Answers the next calls like this, one behaviour each. */
  queue(...behaviours: readonly Behaviour[]): void;
  holdNext(): HeldCall;
  /** Stops immediately and closes all connections. */
  close(): Promise<void>;
}

export async function startStrictImageApi(options: StrictImageApiOptions = {}): Promise<StrictImageApi> {
  const apiKey = "sk-strict-test-key";
  const requests: RecordedRequest[] = [];
  const images: MadeImage[] = [];
  const queued: Behaviour[] = [];
  const holds: { arrive(request: RecordedRequest): void; released: Promise<void> }[] = [];
  const rules = new Map([...MODELS, ...(options.extraModels ?? []).map((name) => [name, ANY_SIZE] as const)]);
  const seed = options.seed ?? 1;
  const models: ModelList = {
    callCount: 0,
    shutdownDates: { "gpt-image-1.5": "2026-12-01", "gpt-image-1-mini": "2026-12-01" },
    raw: undefined,
  };
  let usual: Behaviour = "normal";

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const made = images[Number(/^\/made\/(\d+)$/.exec(incoming.url ?? "")?.[1])];
    if (made) return void outgoing.end(made.bytes);
    if (incoming.method === "GET" && incoming.url === "/v1/models") {
      if (incoming.headers.authorization !== `Bearer ${apiKey}`) return sendError(outgoing, 401, WRONG_KEY);
      return answerModels(outgoing, models, [...rules.keys()]);
    }
    const recorded = await record(incoming, outgoing);
    requests.push(recorded);
    const isEdit = recorded.path === EDITS;
    if (incoming.method !== "POST" || (!isEdit && recorded.path !== GENERATIONS)) {
      return sendError(outgoing, 404, { message: `Invalid URL (${incoming.method} ${recorded.path})` });
    }
    if (recorded.headers.authorization !== `Bearer ${apiKey}`) return sendError(outgoing, 401, WRONG_KEY);
    const parameters = isEdit ? EDIT_PARAMETERS : PARAMETERS;
    const refusal = check(recorded.body, rules, parameters) ?? (isEdit ? await checkFiles(recorded.files) : undefined);
    if (refusal) return sendError(outgoing, refusal.code === "model_not_found" ? 404 : 400, refusal);

    const behaviour = queued.shift() ?? usual;
    const hold = holds.shift();
    hold?.arrive(recorded);
    await hold?.released;
    const make: MakeImage = async (request, isPartial) => {
      const address = `http://${incoming.headers.host}/made/${images.length}`;
      const image = { ...(await draw(request, seed * 1000 + images.length)), isPartial, address };
      images.push(image);
      return image;
    };
    if (typeof behaviour === "object" && "raw" in behaviour) {
      const { raw } = behaviour;
      return sendRaw(outgoing, typeof raw === "function" ? raw(recorded) : raw);
    }
    await respond(outgoing, behaviour, { ...(recorded.body as unknown as ImageRequest), isEdit }, make);
  };

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      // Many tests have clients that disconnect. Any other error is a mistake in this server and must be visible.
      if (!outgoing.destroyed) sendError(outgoing, 599, { message: `The stand-in failed: ${String(error)}` });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey,
    requests,
    get callCount() {
      return requests.length;
    },
    images,
    models,
    respondWith(behaviour) {
      usual = behaviour;
    },
    queue(...behaviours) {
      queued.push(...behaviours);
    },
    holdNext() {
      const arrival = Promise.withResolvers<RecordedRequest>();
      const release = Promise.withResolvers<void>();
      holds.push({ arrive: arrival.resolve, released: release.promise });
      return { arrived: arrival.promise, release: release.resolve };
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function record(incoming: IncomingMessage, outgoing: ServerResponse): Promise<RecordedRequest> {
  const closed = new Promise<"finished" | "disconnected">((resolve) => {
    outgoing.once("close", () => resolve(outgoing.writableFinished ? "finished" : "disconnected"));
  });
  const path = incoming.url ?? "";
  const form: RecordedForm | undefined = path === EDITS ? await readForm(incoming) : undefined;
  const body = form ? form.body : parseObject(await text(incoming));
  return { path, headers: incoming.headers, body, files: form?.files ?? [], closed };
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

// The rules for both paths.

const GENERATIONS = "/v1/images/generations";
const EDITS = "/v1/images/edits";

interface ModelRules {
  readonly hasAnySize: boolean;
  readonly qualities: readonly string[];
}

const TO_HIGH = ["auto", "low", "medium", "high"];
const ANY_SIZE: ModelRules = { hasAnySize: true, qualities: TO_HIGH };
const TO_MAX: ModelRules = { hasAnySize: true, qualities: [...TO_HIGH, "xhigh", "max"] };
const THREE_SIZES: ModelRules = { hasAnySize: false, qualities: TO_HIGH };
const MODELS: readonly (readonly [string, ModelRules])[] = [
  ["gpt-image-1-mini", THREE_SIZES],
  ["gpt-image-1.5", THREE_SIZES],
  ["gpt-image-2", ANY_SIZE],
  ["gpt-image-2.5-sunburst", TO_MAX],
  ["gpt-image-2.5-flare", TO_MAX],
  ["gpt-image-2.6-sunburst", TO_MAX],
  ["gpt-image-2.6-flare", TO_MAX],
  ["gpt-image-1.5-2025-12-16", THREE_SIZES],
  ["gpt-image-2-2026-04-21", ANY_SIZE],
  ["gpt-image-2.5-sunburst-2026-09-08", TO_MAX],
  ["gpt-image-2.5-flare-2026-09-08", TO_MAX],
  ["chatgpt-image-latest", THREE_SIZES],
];

const STANDARD_SIZES = ["1024x1024", "1536x1024", "1024x1536"];
const WRONG_KEY: ErrorFields = { message: "Incorrect API key provided: sk-str**.", code: "invalid_api_key" };

/**
 * The vendor also accepts `user` and `moderation`. It lets `model` and `quality` be omitted; this gateway must send
 * them.
 */
const PARAMETERS: ReadonlySet<string> = new Set(
  (
    "prompt model n size quality output_format output_compression background moderation stream partial_images " +
    "safety_identifier user"
  ).split(" "),
);

/** Edits have no `moderation`, and one more parameter. */
const EDIT_PARAMETERS: ReadonlySet<string> = new Set(
  [...PARAMETERS, "input_fidelity"].filter((it) => it !== "moderation"),
);

interface ImageRequest {
  readonly isEdit: boolean;
  readonly prompt: string;
  readonly model: string;
  readonly quality: string;
  readonly n?: number;
  readonly size?: string;
  readonly output_format?: "png" | "jpeg" | "webp";
  readonly background?: string;
  readonly stream?: boolean;
  readonly partial_images?: number;
}

function check(
  body: RecordedRequest["body"],
  models: ReadonlyMap<string, ModelRules>,
  parameters: ReadonlySet<string>,
): ErrorFields | undefined {
  if (!body) return { message: "We could not parse the body of your request.", code: null };
  const unknown = Object.keys(body).find((name) => !parameters.has(name));
  if (unknown) return { message: `Unknown parameter: '${unknown}'.`, param: unknown, code: "unknown_parameter" };
  const missing = ["prompt", "model", "quality"].find((name) => body[name] === undefined);
  if (missing) {
    return { message: `Missing required parameter: '${missing}'.`, param: missing, code: "missing_required_parameter" };
  }
  const model = models.get(String(body.model));
  if (!model) return { message: `The model '${body.model}' does not exist.`, param: "model", code: "model_not_found" };

  const { prompt, n = 1, size = "auto", quality, background = "auto", moderation = "auto" } = body;
  const { output_format = "png", output_compression = 100, stream = false, partial_images = 0 } = body;
  const streamed = stream === true;
  const wrong = Object.entries({
    prompt: typeof prompt === "string" && prompt.length > 0 && prompt.length <= 32_000,
    n: isWhole(n, 1, 10),
    size: typeof size === "string" && isSize(size, model),
    quality: model.qualities.includes(String(quality)),
    background: ["auto", "opaque", "transparent"].includes(String(background)),
    moderation: ["auto", "low"].includes(String(moderation)),
    output_format: ["png", "jpeg", "webp"].includes(String(output_format)),
    output_compression: isWhole(output_compression, 0, 100) && (output_compression === 100 || output_format !== "png"),
    stream: typeof stream === "boolean",
    partial_images: isWhole(partial_images, 0, 3) && (partial_images === 0 || streamed),
  }).find(([, isRight]) => !isRight)?.[0];
  if (wrong) return { message: `Invalid value: '${body[wrong]}'.`, param: wrong, code: "invalid_value" };
  if (streamed && n !== 1) return { message: "Streaming is only supported with n=1.", param: "n", code: null };
  if (background === "transparent" && output_format === "jpeg") {
    const message = "Transparent background is not supported for JPEG output format.";
    return { message, param: "background", code: "invalid_value" };
  }
  return undefined;
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isSize(size: string, model: ModelRules): boolean {
  if (size === "auto" || STANDARD_SIZES.includes(size)) return true;
  if (!model.hasAnySize || !/^\d{1,4}x\d{1,4}$/.test(size)) return false;
  const { width, height } = toPixels(size);
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const pixels = width * height;
  const isInside = long <= 3840 && long <= 3 * short && pixels >= 655_360 && pixels <= 8_294_400;
  return isInside && width % 16 === 0 && height % 16 === 0;
}

function toPixels(size = "auto"): { readonly width: number; readonly height: number } {
  const [width = 1024, height = 1024] = size === "auto" ? [] : size.split("x").map(Number);
  return { width, height };
}

// Pictures.

type MakeImage = (request: ImageRequest, isPartial: boolean) => Promise<MadeImage>;

/** A gradient between four colours of the seed. */
async function draw(
  request: ImageRequest,
  seed: number,
): Promise<Pick<MadeImage, "bytes" | "width" | "height" | "format">> {
  const { output_format: format = "png", background } = request;
  const size = toPixels(request.size);
  const channels = background === "transparent" ? 4 : 3;
  const corners = Buffer.from(
    Array.from({ length: 4 * channels }, (_, i) => Math.imul(seed * 16 + i, 0x9e3779b1) >>> 24),
  );
  const bytes = await sharp(corners, { raw: { width: 2, height: 2, channels } })
    .resize({ ...size, fit: "fill", kernel: "linear" })
    .toFormat(format, format === "png" ? { compressionLevel: 1 } : {})
    .toBuffer();
  return { bytes, ...size, format };
}

// Answers.

async function respond(
  outgoing: ServerResponse,
  behaviour: Exclude<Behaviour, { readonly raw: unknown }>,
  request: ImageRequest,
  make: MakeImage,
): Promise<void> {
  if (behaviour === "hang") return;
  if (behaviour === "resetBeforeAnswer") return void outgoing.socket?.resetAndDestroy();
  if (typeof behaviour === "object") {
    if ("error" in behaviour)
      return sendError(outgoing, behaviour.error.status, behaviour.error, behaviour.error.headers);
    if ("rateLimited" in behaviour) {
      const { retryAfter } = behaviour.rateLimited;
      const fields = { message: "Rate limit reached.", type: "requests", code: "rate_limit_exceeded" };
      return sendError(outgoing, 429, fields, retryAfter === undefined ? {} : { "retry-after": retryAfter });
    }
  }
  const refusal = typeof behaviour === "string" ? REFUSALS[behaviour] : undefined;
  if (refusal) return sendError(outgoing, refusal.status, refusal);
  if (behaviour === "html") {
    const body = "<!doctype html><title>502</title><h1>Bad gateway</h1>";
    return sendRaw(outgoing, { headers: { "content-type": "text/html" }, body });
  }
  if (behaviour === "errorWith200") return sendRaw(outgoing, { body: toErrorBody({ message: "Overloaded." }) });

  const parts = request.stream ? toEvents(request, make, behaviour) : [await toDocument(request, make, behaviour)];
  const contentType = request.stream ? "text/event-stream; charset=utf-8" : "application/json";
  outgoing.writeHead(200, { "content-type": contentType, "x-request-id": "req_strict" });
  for await (const part of parts) {
    const bytes = Buffer.from(part);
    const half = bytes.subarray(0, bytes.length >> 1);
    if (behaviour === "hangInBody") return void (await write(outgoing, half));
    if (behaviour === "resetInBody") {
      await write(outgoing, half);
      return void outgoing.destroy();
    }
    if (behaviour === "halfJson") return void outgoing.end(half);
    const step = typeof behaviour === "object" && "pieces" in behaviour ? behaviour.pieces : bytes.length;
    for (let start = 0; start < bytes.length; start += step) await write(outgoing, bytes.subarray(start, start + step));
  }
  outgoing.end();
}

const REFUSALS: Partial<Record<string, ErrorFields & { readonly status: number }>> = {
  unauthorized: { status: 401, ...WRONG_KEY },
  moderationBlocked: {
    status: 400,
    message: "Your request was rejected by the safety system.",
    type: "image_generation_user_error",
    code: "moderation_blocked",
  },
  billingLimit: {
    status: 400,
    message: "Billing hard limit has been reached.",
    type: "billing_limit_user_error",
    code: "billing_hard_limit_reached",
  },
  serverError: { status: 500, message: "The server had an error.", type: "server_error", code: null },
};

async function toDocument(request: ImageRequest, make: MakeImage, behaviour: Behaviour): Promise<string> {
  const n = request.n ?? 1;
  const made = behaviour === "noImages" ? 0 : behaviour === "oneImageTooFew" ? n - 1 : n;
  const data: object[] = [];
  for (let index = 0; index < made; index++) {
    const url = await addressOf(request, make, behaviour);
    if (url) data.push({ url });
    else data.push({ b64_json: encode(await make(request, false), behaviour) });
  }
  const { background, output_format, quality, size } = describe(request);
  return JSON.stringify({
    created: 1_795_348_800,
    background,
    data,
    output_format,
    quality,
    size,
    usage: use(request, n),
  });
}

async function* toEvents(request: ImageRequest, make: MakeImage, behaviour: Behaviour): AsyncGenerator<string> {
  const partials = behaviour === "finalEarly" ? 1 : (request.partial_images ?? 0);
  for (let index = 0; index < partials; index++) {
    yield toEvent(request, "partial_image", {
      b64_json: encode(await make(request, true), "normal"),
      ...describe(request),
      partial_image_index: index,
    });
    if (behaviour === "errorEvent") {
      yield `event: error\ndata: ${toErrorBody({ message: "Failed.", type: "server_error", code: "server_error" })}\n\n`;
      return;
    }
  }
  if (behaviour === "noImages") return;
  const url = await addressOf(request, make, behaviour);
  const picture = url ? { url } : { b64_json: encode(await make(request, false), behaviour) };
  yield toEvent(request, "completed", { ...picture, ...describe(request), usage: use(request, 1) });
}

/** The URL of a compatible server's picture; `undefined` if the answer contains the picture itself. */
async function addressOf(request: ImageRequest, make: MakeImage, behaviour: Behaviour): Promise<string | undefined> {
  if (behaviour === "urls") return "https://images.example/made.png?token=marked";
  return behaviour === "ownUrls" ? (await make(request, false)).address : undefined;
}

function toEvent({ isEdit }: ImageRequest, name: string, fields: object): string {
  const type = `${isEdit ? "image_edit" : "image_generation"}.${name}`;
  return `event: ${type}\ndata: ${JSON.stringify({ type, created_at: 1_795_348_800, ...fields })}\n\n`;
}

function encode(image: MadeImage, behaviour: Behaviour): string {
  if (behaviour === "notBase64") return "!not base64!";
  if (behaviour === "notAnImage") return Buffer.from("This is no image.").toString("base64");
  return image.bytes.toString("base64");
}

/** What the vendor reports about a picture: its choices for `auto`. */
function describe(request: ImageRequest): Readonly<Record<string, string>> {
  const { background = "auto", output_format = "png", quality } = request;
  const { width, height } = toPixels(request.size);
  return {
    size: `${width}x${height}`,
    quality: quality === "auto" ? "medium" : quality,
    background: background === "auto" ? "opaque" : background,
    output_format,
  };
}

function use(request: ImageRequest, imageCount: number): object {
  const textTokens = Math.ceil(request.prompt.length / 4);
  const imageTokens = 272 * imageCount;
  return {
    input_tokens: textTokens,
    input_tokens_details: { image_tokens: 0, text_tokens: textTokens },
    output_tokens: imageTokens,
    output_tokens_details: { image_tokens: imageTokens, text_tokens: 0 },
    total_tokens: textTokens + imageTokens,
  };
}

async function answerModels(outgoing: ServerResponse, list: ModelList, ids: readonly string[]): Promise<void> {
  list.callCount++;
  const data = ids.map((id) => ({
    id,
    object: "model",
    created: 1_795_348_800,
    owned_by: "system",
    shutdown_date: list.shutdownDates[id] ?? null,
  }));
  await sendRaw(outgoing, list.raw ?? { body: JSON.stringify({ object: "list", data }) });
}

function toErrorBody({ message = "Refused.", type = "invalid_request_error", ...fields }: ErrorFields): string {
  const { param = null, code = null, moderation_details } = fields;
  return JSON.stringify({
    error: { message, type, param, code, ...(moderation_details ? { moderation_details } : {}) },
  });
}

function sendError(
  outgoing: ServerResponse,
  status: number,
  fields: ErrorFields,
  headers: Readonly<Record<string, string>> = {},
): void {
  outgoing.writeHead(status, { "content-type": "application/json", "x-request-id": "req_strict", ...headers });
  outgoing.end(toErrorBody(fields));
}

async function sendRaw(outgoing: ServerResponse, { status = 200, headers, body }: RawAnswer): Promise<void> {
  outgoing.writeHead(status, { "content-type": "application/json", ...headers });
  const parts = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  for await (const part of parts) await write(outgoing, part);
  outgoing.end();
}

/** Resolves when the client can receive more, or has disconnected. */
async function write(outgoing: ServerResponse, part: string | Uint8Array): Promise<void> {
  if (outgoing.destroyed) throw new Error("the client left");
  await new Promise<void>((resolve) => {
    outgoing.once("close", resolve);
    outgoing.write(part, () => {
      outgoing.off("close", resolve);
      resolve();
    });
  });
}
