import OpenAI, { APIError } from "openai";
import type { GenerateRequest } from "../../ports/image-provider.ts";
import { callHttp, type HttpAnswer, type HttpCall } from "../http-call.ts";
import { bytesOf, httpFetch } from "../http-fetch.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";
import { readVendorError, withVendorErrors } from "./answers/error-body.ts";
import { toEditParameters } from "./edit-parameters.ts";

/** The parameters of a generation, with those that the operator added. */
export type ImageParameters = OpenAI.Images.ImageGenerateParams & Readonly<Record<string, unknown>>;

/** The answer of a call that succeeded. */
export type ImageCallAnswer = Pick<HttpAnswer, "contentType" | "body">;

export interface ImageCallsOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly fetch: typeof fetch | undefined;
}

/** What one call needs besides its parameters. */
interface CallOptions {
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
}

/** The address and the headers of a call. They are the same for each one. */
interface Envelope {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Makes the calls of OpenAI's API. The official client writes the requests. It is asked once what a generation looks
 * like. Then generations are sent without it, because its objects for one call cost more than decoding a small image.
 */
export class ImageCalls {
  /** The official client, for all other calls. */
  readonly client: OpenAI;
  readonly #send: (url: URL, call: HttpCall) => Promise<HttpAnswer>;
  #envelope: Promise<Envelope> | undefined;

  constructor({ apiKey, baseUrl, timeoutMs, fetch: given }: ImageCallsOptions) {
    // Set every option that the client would otherwise read from the environment, and its logger.
    this.client = new OpenAI({
      apiKey,
      baseURL: baseUrl,
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: "off",
      maxRetries: 0,
      timeout: timeoutMs,
      fetch: withVendorErrors(given ?? httpFetch),
    });
    this.#send = given ? through(given) : callHttp;
  }

  /** @throws APIError when the server refuses the call, and what {@link callHttp} throws */
  async generate(parameters: ImageParameters, { signal, headers }: CallOptions): Promise<ImageCallAnswer> {
    this.#envelope ??= this.#write();
    const { url, headers: common } = await this.#envelope;
    const call = { method: "POST", headers: { ...common, ...headers }, body: JSON.stringify(parameters), signal };
    const answer = await this.#send(url, call);
    if (answer.status < 200 || answer.status > 299) throw await toApiError(answer);
    return answer;
  }

  /** @throws what the client throws */
  async edit(
    parameters: ImageParameters,
    sources: NonNullable<GenerateRequest["edit"]>,
    options: CallOptions,
  ): Promise<ImageCallAnswer> {
    const response = await this.client.images.edit(toEditParameters(parameters, sources), options).asResponse();
    const body = bytesOf(response);
    if (!body) throw new BrokenAnswer("it is empty");
    return { contentType: response.headers.get("content-type"), body };
  }

  async #write(): Promise<Envelope> {
    const { url, req } = await this.client.buildRequest({ method: "post", path: "/images/generations", body: {} });
    return { url: new URL(url), headers: Object.fromEntries(req.headers) };
  }
}

/** Makes calls by a `fetch`. */
function through(given: typeof fetch): (url: URL, call: HttpCall) => Promise<HttpAnswer> {
  return async (url, { method, headers, body = null, signal = null }) => {
    const response = await given(url, { method, headers, body: body as ReadableStream | string | null, signal });
    return {
      status: response.status,
      contentType: response.headers.get("content-type"),
      headers: () => response.headers,
      body: response.body ?? ReadableStream.from([]),
    };
  };
}

/** The error that the client throws for such an answer. */
async function toApiError({ status, headers, body }: HttpAnswer): Promise<APIError> {
  const text = await readVendorError(body);
  const json = parseJson(text);
  return APIError.generate(status, json, json === undefined ? text : undefined, headers());
}

function parseJson(text: string): object | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
