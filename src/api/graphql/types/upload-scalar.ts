import { GraphQLError, GraphQLScalarType } from "graphql";
import ArrivingFile, { type FileUpload } from "graphql-upload/Upload.mjs";
import { GatewayError } from "../../../errors.ts";
import type { Upload } from "../../../service/edits/edit-intake.ts";

/** A file that comes with an operation: resolves when it begins to arrive. */
export type OpenUpload = () => Promise<Upload>;

/**
 * A file of a multipart request. Servers that embed the schema may hand in what `graphql-upload` makes, as this gateway's
 * own door does, or a `Blob`, as others do.
 *
 * @see https://github.com/jaydenseric/graphql-multipart-request-spec
 */
export const UploadScalar = new GraphQLScalarType<OpenUpload>({
  name: "Upload",
  description: "A file, sent as the GraphQL multipart request specification says.",
  specifiedByURL: "https://github.com/jaydenseric/graphql-multipart-request-spec",
  parseValue(value) {
    if (value instanceof ArrivingFile) return () => value.promise.then(toUpload, refuse);
    if (value instanceof Blob) return async () => ({ bytes: value.stream(), mediaType: value.type });
    throw new GraphQLError("Upload must be a file of a multipart request");
  },
  parseLiteral(node) {
    throw new GraphQLError("Upload must be a variable, a file of a multipart request", { nodes: node });
  },
  serialize() {
    throw new GraphQLError("Upload goes in and never out");
  },
});

function toUpload(file: FileUpload): Upload {
  return { bytes: readFile(file), mediaType: file.mimetype };
}

async function* readFile(file: FileUpload): AsyncGenerator<Uint8Array> {
  try {
    yield* file.createReadStream();
  } catch (error) {
    // Of one that failed before it was asked for, only this knows why.
    refuse(file.capacitor.errored ?? error);
  }
}

/** The parser's errors carry statuses of HTTP; those of the disk, on which files wait, are nobody's to mend. */
function refuse(error: unknown): never {
  const { status, syscall } = error as { readonly status?: unknown; readonly syscall?: unknown };
  if (syscall !== undefined) throw error;
  if (status === 413) {
    throw new GatewayError("PAYLOAD_TOO_LARGE", "the file is too large; send less than 50 MB", { cause: error });
  }
  throw new GatewayError("BAD_USER_INPUT", "the file did not arrive whole; send it again", { cause: error });
}
