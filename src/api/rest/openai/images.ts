import type { IncomingMessage } from "node:http";
import { type Request, type Response, Router } from "express";
import { GatewayError } from "../../../errors.ts";
import type { TokenUsage } from "../../../ports/image-provider.ts";
import type { Generation, Image, Warning } from "../../../ports/records.ts";
import { MAX_EDIT_IMAGE_BYTES, MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import type { OnRates } from "../../../service/generations/acceptance.ts";
import type { GenerationInput } from "../../../service/generations/generation-input.ts";
import type { Attempt } from "../../../service/generations/retry-deduplicator.ts";
import { isEnded } from "../../../service/generations/running/generation-end.ts";
import type { ImageService } from "../../../service/image-service.ts";
import { toCallerError } from "../../http/answers/errors.ts";
import { setOpenAIRateLimits } from "../../http/answers/rate-limit-headers.ts";
import { type ServerSentEvents, sendEvents, toEventText } from "../../http/answers/server-sent-events.ts";
import { setSunset } from "../../http/answers/sunset-header.ts";
import { setWarnings } from "../../http/answers/warning-header.ts";
import { readRawBody } from "../../http/bodies/body-bytes.ts";
import { mediaTypeOf } from "../../http/bodies/media-type.ts";
import { withUploads } from "../../http/bodies/uploaded-files.ts";
import { contextOf } from "../../http/request-context.ts";
import { refuseUnlessSucceeded } from "../ended-generation.ts";
import { endWithJson, whileSendingSpace } from "../keep-alive.ts";
import { answerBase64, answerUrls, describeEnd, toImageEvent } from "./answer.ts";
import { Base64Sender } from "./base64-sender.ts";
import { readFields, withJsonFields } from "./body.ts";
import { type AskedEdit, FILE_PATHS, kindOfPart, readForm, readJson } from "./edit-input.ts";
import { advisesRetry, toOpenAIError } from "./errors.ts";
import { ImageGenerationRequest, type ImageParameters } from "./parameters.ts";
import { readParameters } from "./read-parameters.ts";

export interface OpenAIImagesOptions {
  /** The most bytes of a body without files. */
  readonly maxBodyBytes: number;
  /** How long a client waits for its answer, in milliseconds. A slower generation continues. */
  readonly waitMs: number;
  /** The longest silence of a stream, in milliseconds. */
  readonly silenceMs: number;
  /** Aborts when a stopping gateway has no running generation. Streams must then end with an answer. */
  readonly releasing: AbortSignal;
  /** How often white space is sent while a client without a stream waits; `undefined` for never. */
  readonly keepAliveMs: number | undefined;
}

/** `POST /v1/images/generations` and `POST /v1/images/edits`. */
export function openAIImagesRouter(service: ImageService, options: OpenAIImagesOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const sender = new Base64Sender();
  router.post("/v1/images/generations", readRawBody(options.maxBodyBytes), async (request, response) => {
    const fields = await readFields(request);
    const parameters = readParameters(ImageGenerationRequest, fields);
    const input: GenerationInput = { ...toInput(parameters, request, response), style: parameters.style };
    const onRates: OnRates = (rates) => setOpenAIRateLimits(response, rates);
    const accepted = await service.submit(contextOf(request).caller, input, onRates);
    await new Answer(service, options, sender, request, response).send(accepted, parameters, "image_generation");
  });
  const limits = {
    maxFiles: MAX_EDIT_IMAGES + 1,
    maxFileBytes: MAX_EDIT_IMAGE_BYTES,
    maxTextBytes: options.maxBodyBytes,
  };
  router.post("/v1/images/edits", async (request, response) => {
    const accept = async ({ references, parameters }: AskedEdit) => {
      const input = { ...toInput(parameters, request, response), ...references };
      const onRates: OnRates = (rates) => setOpenAIRateLimits(response, rates);
      return { parameters, accepted: await service.submitEdit(contextOf(request).caller, input, onRates) };
    };
    const { parameters, accepted } = isMultipart(request)
      ? await withUploads(request, limits, kindOfPart, (form) => accept(readForm(form)))
      : await withJsonFields(request, FILE_PATHS, limits, (fields, files) =>
          accept(readJson(fields, files, contextOf(request).rootUrl)),
        );
    const ignored = parameters.input_fidelity === undefined ? [] : [INPUT_FIDELITY_IGNORED];
    await new Answer(service, options, sender, request, response, ignored).send(accepted, parameters, "image_edit");
  });
  return router;
}

const INPUT_FIDELITY_IGNORED: Warning = {
  code: "INPUT_FIDELITY_IGNORED",
  message: "current models always preserve the input images; input_fidelity was ignored",
};

function isMultipart(request: IncomingMessage): boolean {
  return mediaTypeOf(request.headers["content-type"]) === "multipart/form-data";
}

/** Converts the parameters that generations and edits share. */
function toInput(parameters: ImageParameters, request: Request, response: Response): GenerationInput {
  const { prompt, model, n, size, quality, background, moderation, partial_images } = parameters;
  const { safety_identifier, user } = parameters;
  return {
    prompt,
    model,
    n,
    size: size === "auto" ? undefined : size,
    quality,
    background,
    moderation,
    format: parameters.output_format,
    compression: parameters.output_compression,
    partialImages: partial_images,
    safetyIdentifier: safety_identifier || user || undefined,
    endUser: user || safety_identifier || undefined,
    idempotencyKey: request.get("Idempotency-Key"),
    attempt: toAttempt(request, response),
  };
}

/**
 * Describes the attempt. OpenAI's clients send the number of their retries. They retry when no answer came, or when an
 * answer told them to.
 */
function toAttempt(request: Request, response: Response): Attempt {
  return {
    isRepetition: Number(request.get("X-Stainless-Retry-Count") ?? 0) > 0,
    client: request.get("Authorization") ?? "",
    isAnswered: new Promise((resolve) => {
      const settle = () => resolve(response.writableFinished && !advisesRetry(response));
      if (response.closed) return settle();
      response.once("close", settle);
    }),
  };
}

/** Whether to answer with URLs. By default, DALL·E answered with URLs and all other models with base64. */
function wantsUrls({ model = "", response_format }: ImageParameters): boolean {
  return (response_format ?? (model.startsWith("dall-e-") ? "url" : "b64_json")) === "url";
}

/** The token usage of a model that draws by rules. */
const NO_TOKENS: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  inputDetails: { textTokens: 0, imageTokens: 0 },
  outputDetails: { textTokens: 0, imageTokens: 0 },
};

/** Answers one request when its generation has ended. */
class Answer {
  readonly #service: ImageService;
  readonly #options: OpenAIImagesOptions;
  readonly #sender: Base64Sender;
  readonly #request: Request;
  readonly #response: Response;
  readonly #ignored: readonly Warning[];

  /** @param ignored the warnings about parameters that this route ignored */
  constructor(
    service: ImageService,
    options: OpenAIImagesOptions,
    sender: Base64Sender,
    request: Request,
    response: Response,
    ignored: readonly Warning[] = [],
  ) {
    this.#ignored = ignored;
    this.#service = service;
    this.#options = options;
    this.#sender = sender;
    this.#request = request;
    this.#response = response;
  }

  async send(accepted: Generation, parameters: ImageParameters, eventName: string): Promise<void> {
    setSunset(this.#response, this.#service.sunsetOf(accepted));
    this.#warn(accepted);
    if (parameters.stream) {
      const toEvent = (error: unknown) => this.#toErrorEvent(error);
      return sendEvents(this.#response, this.#events(accepted, eventName), this.#options.silenceMs, toEvent);
    }
    let sendResult: () => Promise<void>;
    try {
      sendResult = await this.#resultFor(accepted, parameters);
    } catch (error) {
      if (!this.#response.headersSent) throw error;
      // White space and status 200 have already been sent.
      return endWithJson(this.#response, toOpenAIError(toCallerError(error, this.#request)));
    }
    await sendResult();
  }

  /** Waits for the images. Returns the function that sends them. */
  async #resultFor(accepted: Generation, parameters: ImageParameters): Promise<() => Promise<void>> {
    const { keepAliveMs, waitMs } = this.#options;
    const waiting = this.#service.wait(accepted, waitMs);
    const { generation, images } = await this.#resultOf(await whileSendingSpace(this.#response, keepAliveMs, waiting));
    if (wantsUrls(parameters)) {
      const { rootUrl } = contextOf(this.#request);
      const urls = images.map((image) => rootUrl + this.#service.link(image));
      return async () => answerUrls(this.#response, generation, urls);
    }
    const objects = await this.#open(images);
    return () => answerBase64(this.#response, this.#sender, generation, objects);
  }

  async *#events(accepted: Generation, eventName: string): ServerSentEvents {
    const { caller } = contextOf(this.#request);
    const left = new AbortController();
    const forget = contextOf(this.#request).onCredentialsEnd(() => this.#response.destroy());
    this.#response.once("close", () => {
      forget();
      left.abort();
    });
    const over = AbortSignal.any([left.signal, this.#options.releasing]);
    for await (const event of await this.#service.watch(caller, accepted.id, over)) {
      if (event.type === "partial") {
        const object = await this.#service.readPreview(event.generation, event);
        const more = { partial_image_index: event.partialIndex, output_format: "webp" };
        if (object) yield toImageEvent(`${eventName}.partial_image`, event.generation, object, more);
      }
      if (event.type === "status" && isEnded(event.generation)) break;
    }
    // The stream of events is over: the generation has ended or was deleted, or the gateway is stopping.
    const [latest] = await this.#service.generations(caller, [accepted.id]);
    if (!latest) throw new GatewayError("NOT_FOUND", "The generation was deleted.");
    const { generation, images } = await this.#resultOf(latest);
    const [object] = await this.#open(images);
    if (object) yield toImageEvent(`${eventName}.completed`, generation, object, describeEnd(generation));
  }

  async #resultOf(
    generation: Generation,
  ): Promise<{ readonly generation: Generation; readonly images: readonly Image[] }> {
    this.#warn(generation);
    setSunset(this.#response, this.#service.sunsetOf(generation));
    refuseUnlessSucceeded(generation);
    const images = await this.#service.imagesOfEnded(generation);
    const isFreeOfTokens = generation.usage === undefined && this.#service.model(generation.model)?.isProcedural;
    return { generation: isFreeOfTokens ? { ...generation, usage: NO_TOKENS } : generation, images };
  }

  #warn({ warnings }: Generation): void {
    setWarnings(this.#response, [...warnings, ...this.#ignored]);
  }

  #open(images: readonly Image[]) {
    return Promise.all(images.map((image) => this.#service.read(image)));
  }

  #toErrorEvent(error: unknown): string {
    return toEventText("error", toOpenAIError(toCallerError(error, this.#request)));
  }
}
