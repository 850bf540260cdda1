import type { EventSourceMessage } from "eventsource-parser";
import { CommandFailure, EXIT, exitCodeOf, usageFailure } from "./command-failure.ts";
import { printable } from "./printable.ts";
import { Silence } from "./silence.ts";

/** Where a gateway is, and who calls it. */
export interface GatewayAddress {
  /** Without a slash at the end; it may have a path. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The project that the admin key acts for; `undefined` for the default. */
  readonly projectId?: string | undefined;
}

/** A file to send with an operation. */
export interface UploadedFile {
  /** The path of a variable that is null: `variables.input.images.0.upload`. */
  readonly path: string;
  readonly name: string;
  readonly content: Blob;
}

export interface OperationOptions {
  readonly signal: AbortSignal;
  readonly files?: readonly UploadedFile[];
}

type Variables = Readonly<Record<string, unknown>>;

interface GraphQLAnswer {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message?: unknown;
    readonly extensions?: { readonly code?: unknown; readonly field?: unknown };
  }[];
}

/** How long a gateway may take to answer an operation, in milliseconds. */
const ANSWER_TIMEOUT_MS = 60_000;
/** The same, for an operation with files: at 1 Mbit/s, 50 MB take seven minutes. */
const UPLOAD_TIMEOUT_MS = 20 * 60_000;
/** The largest answer that is read, in bytes. A page of 100 generations with long prompts has about 3 MB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** The connection to a gateway broke, or it cannot answer now. The same request may succeed later. */
export class ConnectionFailure extends CommandFailure {
  /** Whether nothing listens at the address. */
  readonly isAbsent: boolean;

  constructor(message: string, { isAbsent = false, cause }: { isAbsent?: boolean; cause?: unknown } = {}) {
    super(message, EXIT.failure, { cause });
    this.isAbsent = isAbsent;
  }
}

/** The gateway refused an operation. */
export class RefusedOperation extends CommandFailure {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message, exitCodeOf(code));
    this.code = code;
  }
}

/** Calls the public GraphQL API of a gateway. */
export class GatewayClient {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, apiKey, projectId }: GatewayAddress) {
    this.url = url;
    this.#headers = {
      ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
      ...(projectId !== undefined && { "Pictograph-Project": projectId }),
    };
  }

  /**
   * Runs a query or a mutation.
   *
   * @throws RefusedOperation when the gateway refuses it
   * @throws ConnectionFailure when the gateway cannot be reached or does not answer
   */
  async run<Data>(query: string, variables: Variables, { signal, files = [] }: OperationOptions): Promise<Data> {
    const timeoutMs = files.length > 0 ? UPLOAD_TIMEOUT_MS : ANSWER_TIMEOUT_MS;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const operation = JSON.stringify({ query, variables });
    const response = await this.#post("/graphql", {
      headers: files.length > 0 ? { "Apollo-Require-Preflight": "true" } : { "Content-Type": "application/json" },
      body: files.length > 0 ? toForm(operation, files) : operation,
      signal: bounded,
    });
    return this.#dataOf<Data>(await this.#readAnswer(response, signal));
  }

  /**
   * Runs a subscription and yields the data of each result. It ends when the gateway completes the subscription.
   *
   * @throws RefusedOperation when the gateway refuses it
   * @throws ConnectionFailure when the stream breaks
   */
  async *subscribe<Data>(query: string, variables: Variables, signal: AbortSignal): AsyncGenerator<Data> {
    using silence = new Silence();
    try {
      const response = await this.#post("/graphql/stream", {
        headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
        this.#dataOf(await this.#readAnswer(response, signal));
        throw this.#notAGateway(response);
      }
      for await (const { event, data } of this.#events(response.body, silence)) {
        if (event === "complete") return;
        if (event === "next") yield this.#dataOf<Data>(this.#parse(data));
      }
      throw new ConnectionFailure(`the gateway at ${this.url} closed the stream of events`);
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  async *#events(body: ReadableStream<Uint8Array>, silence: Silence): AsyncGenerator<EventSourceMessage> {
    const { createParser } = await import("eventsource-parser");
    const events: EventSourceMessage[] = [];
    let failure: Error | undefined;
    const parser = createParser({
      maxBufferSize: MAX_ANSWER_BYTES,
      onEvent: (event) => events.push(event),
      onError: (error) => {
        failure = error;
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      silence.break();
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (failure) throw new ConnectionFailure(`the gateway at ${this.url} sent an event that cannot be read`);
      yield* events.splice(0);
    }
  }

  async #post(path: string, request: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, {
        ...request,
        method: "POST",
        headers: { ...this.#headers, ...(request.headers as Record<string, string>) },
        // A redirect would turn the POST into a GET.
        redirect: "manual",
      });
    } catch (error) {
      throw this.#explain(error, request.signal as AbortSignal);
    }
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      throw usageFailure(
        `${this.url} redirects to ${printable(location)}; set PICTOGRAPH_URL to the address behind it`,
      );
    }
    return response;
  }

  async #readAnswer(response: Response, signal: AbortSignal): Promise<GraphQLAnswer> {
    const chunks: Uint8Array[] = [];
    let byteSize = 0;
    try {
      for await (const chunk of response.body ?? []) {
        byteSize += chunk.byteLength;
        if (byteSize > MAX_ANSWER_BYTES) throw this.#notAGateway(response);
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#explain(error, signal);
    }
    try {
      const answer: unknown = JSON.parse(Buffer.concat(chunks).toString());
      if (isGraphQLAnswer(answer)) return answer;
    } catch {}
    // A gateway that starts or stops, and a proxy without its gateway, answer so.
    if (response.status >= 502 && response.status <= 504) {
      throw new ConnectionFailure(
        `the gateway at ${this.url} cannot answer now (status ${response.status}); try again`,
      );
    }
    throw this.#notAGateway(response);
  }

  #parse(text: string): GraphQLAnswer {
    try {
      const answer: unknown = JSON.parse(text);
      if (isGraphQLAnswer(answer)) return answer;
    } catch {}
    throw new ConnectionFailure(`the gateway at ${this.url} sent an event that cannot be read`);
  }

  #dataOf<Data>({ data, errors = [] }: GraphQLAnswer): Data {
    const [error] = errors;
    if (!error) return data as Data;
    const code = String(error.extensions?.code ?? "");
    const message = printable(String(error.message ?? "the gateway gave no reason"));
    if (code === "GRAPHQL_VALIDATION_FAILED" || code === "GRAPHQL_PARSE_FAILED") {
      throw new RefusedOperation(
        code,
        `the gateway at ${this.url} is of another version than this command line, and does not know what it asks for (${message}); update the older of the two`,
      );
    }
    if (code === "UNAUTHENTICATED") {
      throw new RefusedOperation(code, `${message} (PICTOGRAPH_API_KEY, for the gateway at ${this.url})`);
    }
    throw new RefusedOperation(code, message);
  }

  #notAGateway({ status, headers }: Response): CommandFailure {
    const type = printable(headers.get("content-type") ?? "no content type", 60);
    return new CommandFailure(
      `what answers at ${this.url} is not a Pictograph gateway (status ${status}, ${type}); set PICTOGRAPH_URL to the address of one`,
    );
  }

  /** Says what broke. An interruption stays what it is. */
  #explain(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof CommandFailure) return error;
    const { name, cause } = error as Error;
    const isSilent = name === "TimeoutError" || (name === "AbortError" && !signal.aborted);
    if (isSilent || (signal.reason as Error | undefined)?.name === "TimeoutError") {
      return new ConnectionFailure(`the gateway at ${this.url} does not answer`, { cause: error });
    }
    if (signal.aborted) return error;
    const { code = "connection failed" } = (cause ?? {}) as NodeJS.ErrnoException;
    const isAbsent = code === "ECONNREFUSED" || code === "ENOTFOUND";
    return new ConnectionFailure(
      isAbsent
        ? `no gateway answers at ${this.url} (${code}); start one with \`pictograph\`, or set PICTOGRAPH_URL to the address of one`
        : `the connection to the gateway at ${this.url} failed (${code})`,
      { isAbsent, cause: error },
    );
  }
}

function isGraphQLAnswer(answer: unknown): answer is GraphQLAnswer {
  const { data, errors } = Object(answer) as { data?: unknown; errors?: unknown };
  return Array.isArray(errors) ? errors.length > 0 && errors.every(isObject) : isObject(data);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** @see https://github.com/jaydenseric/graphql-multipart-request-spec */
function toForm(operation: string, files: readonly UploadedFile[]): FormData {
  const form = new FormData();
  form.set("operations", operation);
  form.set("map", JSON.stringify(Object.fromEntries(files.map(({ path }, index) => [index, [path]]))));
  for (const [index, { name, content }] of files.entries()) form.set(String(index), content, name);
  return form;
}
