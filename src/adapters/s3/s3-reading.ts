import type { Readable } from "node:stream";
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from "@aws-sdk/client-s3";
import type { ByteRange } from "../../ports/object-store.ts";
import { toS3Failure } from "./s3-errors.ts";

/** How many connections in a row may break without sending a byte. */
const MAX_BREAKS = 5;
const READING = "read an object";

export interface S3Target {
  readonly Bucket: string;
  readonly Key: string;
}

/**
 * Reads an object with back-pressure. If the connection breaks, reading continues at the same byte on a new one, provided
 * that the object has not changed. When the reader stops, the connection is closed at once.
 */
export function readObject(client: S3Client, target: S3Target, range?: ByteRange): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const chunks = readChunks(client, target, range, left.signal);
      return {
        next: () => chunks.next(),
        // A plain generator would keep waiting for the chunk that was requested.
        async return() {
          left.abort();
          await chunks.return();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* readChunks(
  client: S3Client,
  target: S3Target,
  range: ByteRange | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let position = range?.start ?? 0;
  let end = range?.end;
  let version: string | undefined;
  for (let breaks = 0; ; breaks++) {
    const part = end === undefined ? undefined : { start: position, end };
    const answer = await requestPart(client, target, part, version, signal);
    version = answer.ETag;
    end ??= (answer.ContentLength ?? 0) - 1;
    const body = answer.Body as Readable;
    try {
      for await (const chunk of body) {
        position += chunk.byteLength;
        breaks = 0;
        yield chunk;
      }
    } catch (error) {
      if (signal.aborted || breaks === MAX_BREAKS) throw toS3Failure(error, READING);
    } finally {
      body.destroy();
    }
    if (position > end) return;
    if (breaks === MAX_BREAKS) throw new Error("S3 ends an object before its last byte");
  }
}

async function requestPart(
  client: S3Client,
  target: S3Target,
  part: ByteRange | undefined,
  version: string | undefined,
  abortSignal: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    ...target,
    ...(part && { Range: `bytes=${part.start}-${part.end}` }),
    ...(version !== undefined && { IfMatch: version }),
  });
  const answer = await client.send(command, { abortSignal }).catch((error) => {
    throw toS3Failure(error, READING);
  });
  const isAsAsked = part === undefined || answer.ContentRange?.startsWith(`bytes ${part.start}-${part.end}/`);
  // Not every server supports If-Match.
  const isSameVersion = version === undefined || answer.ETag === version;
  if (isAsAsked && isSameVersion) return answer;
  (answer.Body as Readable).destroy();
  throw new Error(isAsAsked ? "an object changed while it was read" : "S3 answered another part of an object");
}
