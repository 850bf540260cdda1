import { GraphQLError, GraphQLScalarType } from "graphql";
import { GatewayError } from "../../../errors.ts";
import type { Upload } from "../../../service/edits/edit-intake.ts";

/** Opens a file that is sent with an operation. Resolves when the file begins to arrive. */
export type OpenUpload = () => Promise<Upload>;

/** Placeholder in an operation's variables for a file that has not arrived yet. */
export class ArrivingUpload {
  /** How many places of the variables hold this file. */
  readonly placeCount: number;
  readonly #arrival = Promise.withResolvers<() => Upload>();

  constructor(placeCount: number) {
    this.placeCount = placeCount;
    // An operation that fails never opens its files, so nothing else handles this rejection.
    this.#arrival.promise.catch(() => undefined);
  }

  /** Opens the file, once for each place. Resolves when the file begins to arrive; rejects when it does not arrive. */
  async open(): Promise<Upload> {
    return (await this.#arrival.promise)();
  }

  /** Reports that the file begins to arrive. */
  begin(open: () => Upload): void {
    this.#arrival.resolve(open);
  }

  /** Reports that the file will not arrive. Does nothing once the file has begun to arrive. */
  fail(error: unknown): void {
    this.#arrival.reject(error);
  }
}

/** The value that the package `graphql-upload` uses for a file. */
interface ForeignUpload {
  readonly promise: Promise<ForeignFile>;
}

interface ForeignFile {
  readonly mimetype: string;
  createReadStream(): AsyncIterable<Uint8Array>;
}

/**
 * A file of a multipart request. Servers that embed the schema may pass a value of the package `graphql-upload` or a
 * `Blob` instead.
 *
 * @see https://github.com/jaydenseric/graphql-multipart-request-spec
 */
export const UploadScalar = new GraphQLScalarType<OpenUpload>({
  name: "Upload",
  description: "A file, sent as the GraphQL multipart request specification says.",
  specifiedByURL: "https://github.com/jaydenseric/graphql-multipart-request-spec",
  parseValue(value) {
    if (value instanceof ArrivingUpload) return () => value.open();
    if (isBlob(value)) return async () => ({ bytes: value.stream(), mediaType: value.type });
    if (isForeignUpload(value)) return () => value.promise.then(toUpload, refuse);
    throw new GraphQLError("Upload must be a file of a multipart request");
  },
  parseLiteral(node) {
    throw new GraphQLError("Upload must be a variable, a file of a multipart request", { nodes: node });
  },
  serialize() {
    throw new GraphQLError("Upload is an input type; it cannot be returned");
  },
});

/**
 * Checks members, not the class, because GraphQL Yoga has its own class. JSON input cannot pass: it has no functions.
 */
function isBlob(value: unknown): value is Pick<Blob, "stream" | "type"> {
  return typeof value === "object" && value !== null && "stream" in value && typeof value.stream === "function";
}

/** Checks members, not the class, because the host installs its own copy of the package. */
function isForeignUpload(value: unknown): value is ForeignUpload {
  if (typeof value !== "object" || value === null) return false;
  const { promise } = value as { readonly promise?: { readonly then?: unknown } };
  return typeof promise?.then === "function";
}

function toUpload(file: ForeignFile): Upload {
  return { bytes: readFile(file), mediaType: file.mimetype };
}

async function* readFile(file: ForeignFile): AsyncGenerator<Uint8Array> {
  try {
    yield* file.createReadStream();
  } catch (error) {
    refuse(error);
  }
}

/**
 * Translates an error of `graphql-upload`, which carries an HTTP status. A disk error is thrown unchanged: it is not
 * the caller's fault.
 */
function refuse(error: unknown): never {
  const { status, syscall } = error as { readonly status?: unknown; readonly syscall?: unknown };
  if (syscall !== undefined) throw error;
  if (status === 413) {
    throw new GatewayError("PAYLOAD_TOO_LARGE", "the file is too large; send less than 50 MB", { cause: error });
  }
  throw new GatewayError("BAD_USER_INPUT", "the file did not arrive whole; send it again", { cause: error });
}
