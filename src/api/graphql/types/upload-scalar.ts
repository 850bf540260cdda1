import { GraphQLError, GraphQLScalarType } from "graphql";
import { GatewayError } from "../../../errors.ts";
import type { Upload } from "../../../service/edits/edit-intake.ts";

/** A file that comes with an operation: resolves when it begins to arrive. */
export type OpenUpload = () => Promise<Upload>;

/** Stands in the variables of an operation for a file that is still to come. */
export class ArrivingUpload {
  /** In how many places it stands. */
  readonly placeCount: number;
  readonly #arrival = Promise.withResolvers<() => Upload>();

  constructor(placeCount: number) {
    this.placeCount = placeCount;
    // An operation that fails does not ask for its files.
    this.#arrival.promise.catch(() => undefined);
  }

  /** Opens the file, once for each place. Resolves when it begins to arrive, and rejects when it does not come. */
  async open(): Promise<Upload> {
    return (await this.#arrival.promise)();
  }

  begin(open: () => Upload): void {
    this.#arrival.resolve(open);
  }

  /** Does nothing once the file has begun to arrive. */
  fail(error: unknown): void {
    this.#arrival.reject(error);
  }
}

/** What the package `graphql-upload` puts in the place of a file. */
interface ForeignUpload {
  readonly promise: Promise<ForeignFile>;
}

interface ForeignFile {
  readonly mimetype: string;
  createReadStream(): AsyncIterable<Uint8Array>;
}

/**
 * A file of a multipart request. Servers that embed the schema may hand in what the package `graphql-upload` makes, or
 * a `Blob`.
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
    throw new GraphQLError("Upload goes in and never out");
  },
});

/** By its members: GraphQL Yoga has a class of its own. No JSON has functions. */
function isBlob(value: unknown): value is Pick<Blob, "stream" | "type"> {
  return typeof value === "object" && value !== null && "stream" in value && typeof value.stream === "function";
}

/** By its members: the host has a copy of the package that is not ours. */
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

/** The package's errors carry statuses of HTTP; those of the disk, on which files wait, are not the caller's fault. */
function refuse(error: unknown): never {
  const { status, syscall } = error as { readonly status?: unknown; readonly syscall?: unknown };
  if (syscall !== undefined) throw error;
  if (status === 413) {
    throw new GatewayError("PAYLOAD_TOO_LARGE", "the file is too large; send less than 50 MB", { cause: error });
  }
  throw new GatewayError("BAD_USER_INPUT", "the file did not arrive whole; send it again", { cause: error });
}
