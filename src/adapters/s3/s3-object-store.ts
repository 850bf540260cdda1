import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { StartError } from "../../errors.ts";
import { checkObjectKey, isObjectKey } from "../../ports/object-key.ts";
import type { ObjectHeaders, ObjectStore, OpenObject, StoredObject } from "../../ports/object-store.ts";
import { explainS3Failure, isMissing, toS3Failure } from "./s3-errors.ts";
import { readObject, type S3Target } from "./s3-reading.ts";
import { retryPatiently } from "./s3-retries.ts";

export interface S3Options {
  /** The gateway must be the only program that uses it. */
  readonly bucket: string;
  /** An S3-compatible server, addressed with the bucket in the path. @defaultValue Amazon S3 */
  readonly endpoint?: string | undefined;
  /** @defaultValue `us-east-1` with an endpoint, and otherwise what the SDK finds */
  readonly region?: string | undefined;
  /** @defaultValue what the SDK's usual chain finds: environment, shared files, the machine's role */
  readonly credentials?: S3Credentials | undefined;
  /** How long each request is repeated while S3 is away. @defaultValue 120000, and 600000 for what is stored */
  readonly patienceMs?: number | undefined;
  /** How long a connection may be silent before it counts as broken. @defaultValue 30000 */
  readonly idleTimeoutMs?: number | undefined;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The smallest part size that S3 accepts. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PART_BYTES = 5 * 1024 * 1024;
/** How many parts of an upload are in memory at once, being filled or sent. */
const PARTS_IN_FLIGHT = 2;
const MAX_CONNECTIONS = 256;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long an upload is retried. A provider's answer cannot be asked for again. */
const UPLOAD_PATIENCE_MS = 10 * 60_000;
const PROBE = { patienceMs: 1_000, idleTimeoutMs: 3_000 };
/** An unfinished upload of this age belongs to a process that died. */
const STALE_UPLOAD_MS = 24 * 60 * 60_000;

/**
 * Objects in a bucket of Amazon S3, or of a server that speaks its protocol. Objects up to 5 MiB are stored by one
 * request, larger ones in parts that become visible when the last part has arrived.
 */
export class S3ObjectStore implements ObjectStore {
  readonly #bucket: string;
  readonly #client: S3Client;
  readonly #uploads: S3Client;
  /** Does not retry: it answers whether S3 is there now. */
  readonly #probe: S3Client;

  private constructor(options: S3Options) {
    this.#bucket = options.bucket;
    this.#client = createClient(options);
    this.#uploads = createClient({ ...options, patienceMs: options.patienceMs ?? UPLOAD_PATIENCE_MS });
    this.#probe = createClient({ ...options, ...PROBE });
  }

  /**
   * Checks that the bucket exists and may be used, and removes the parts of uploads whose process died.
   *
   * @throws StartError naming bucket and endpoint
   */
  static async open(options: S3Options): Promise<S3ObjectStore> {
    const store = new S3ObjectStore(options);
    try {
      // Unlike HeadBucket, its answer has a body with the reason.
      await store.#probe.send(new ListObjectsV2Command({ Bucket: options.bucket, MaxKeys: 1 }));
    } catch (error) {
      await store.close();
      throw new StartError([explainS3Failure(error, options.bucket, options.endpoint)]);
    }
    // Some servers have no such list, and remove parts by themselves.
    await store.#abortStaleUploads().catch(() => undefined);
    return store;
  }

  async put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredObject> {
    const target = this.#target(key);
    const source = new Source(bytes);
    const receipt = randomUUID();
    const params = { ...target, Body: source.stream, Metadata: { receipt } };
    const upload = new Upload({ client: this.#uploads, params, partSize: PART_BYTES, queueSize: PARTS_IN_FLIGHT });
    try {
      await upload.done();
    } catch (error) {
      if (source.failure) throw source.failure.error;
      // If the answer to the last request was lost, its repetition finds no upload, but the object is there.
      const stored = await this.#head(target).catch(() => undefined);
      if (stored?.Metadata?.receipt !== receipt) throw toS3Failure(error, "store an object");
    } finally {
      source.stream.destroy();
    }
    const head = await this.#head(target);
    return { key, byteSize: source.byteSize, modifiedAt: head?.LastModified ?? new Date() };
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const target = this.#target(key);
    const head = await this.#head(target);
    if (!head) return undefined;
    return {
      key,
      byteSize: head.ContentLength ?? 0,
      modifiedAt: head.LastModified ?? new Date(0),
      read: (range) => readObject(this.#client, target, range),
      temporaryUrl: (headers, seconds) => this.#presign(target, headers, seconds),
    };
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    // Keys have no other characters, and XML cannot express all of them.
    if (!/^[A-Za-z0-9_./-]*$/.test(prefix)) return;
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    try {
      for await (const { Contents } of pages) {
        for (const { Key = "", Size = 0, LastModified = new Date(0) } of Contents ?? []) {
          if (isObjectKey(Key)) yield { key: Key, byteSize: Size, modifiedAt: toWholeSeconds(LastModified) };
        }
      }
    } catch (error) {
      throw toS3Failure(error, "list objects");
    }
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#target(key))).catch((error) => {
      if (!isMissing(error)) throw toS3Failure(error, "delete an object");
    });
  }

  async space(): Promise<undefined> {
    return undefined;
  }

  async ping(): Promise<void> {
    await this.#probe.send(new HeadBucketCommand({ Bucket: this.#bucket })).catch((error) => {
      throw toS3Failure(error, "answer");
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
    this.#uploads.destroy();
    this.#probe.destroy();
  }

  #target(key: string): S3Target {
    checkObjectKey(key);
    return { Bucket: this.#bucket, Key: key };
  }

  async #head(target: S3Target): Promise<HeadObjectCommandOutput | undefined> {
    return this.#client.send(new HeadObjectCommand(target)).catch((error) => {
      if (isMissing(error)) return undefined;
      throw toS3Failure(error, "look up an object");
    });
  }

  async #presign(target: S3Target, headers: ObjectHeaders, seconds: number): Promise<string> {
    const command = new GetObjectCommand({
      ...target,
      ResponseContentType: headers.contentType,
      ResponseContentDisposition: headers.contentDisposition,
      ResponseCacheControl: headers.cacheControl,
    });
    return getSignedUrl(this.#client, command, { expiresIn: seconds }).catch((error) => {
      throw toS3Failure(error, "sign a URL");
    });
  }

  async #abortStaleUploads(): Promise<void> {
    const before = Date.now() - STALE_UPLOAD_MS;
    const { Uploads = [] } = await this.#probe.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket }));
    for (const { Key, UploadId, Initiated } of Uploads) {
      if (!Initiated || Initiated.getTime() > before) continue;
      await this.#probe.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
    }
  }
}

/** Counts the bytes of a `put`, and tells a failure of their source from a failure of S3. */
class Source {
  readonly stream: Readable;
  byteSize = 0;
  failure: { readonly error: unknown } | undefined;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.stream = Readable.from(this.#measure(bytes), { objectMode: false });
    // If S3 failed first, nothing listens to this error any more.
    this.stream.on("error", () => undefined);
  }

  async *#measure(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of this.#watch(bytes)) {
      this.byteSize += chunk.byteLength;
      // The stream reads ahead.
      if (chunk.byteLength > 0) yield Uint8Array.from(chunk);
    }
  }

  /** A generator of its own: destroying the stream throws into the outer one and only ends this one. */
  async *#watch(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}

function createClient(options: S3Options): S3Client {
  const { endpoint, credentials, patienceMs = 120_000, idleTimeoutMs = 30_000 } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : "us-east-1");
  return new S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
    // Not every server understands trailing checksums, the SDK's default.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Otherwise the SDK opens a new connection for each part.
    expectContinueHeader: false,
    retryStrategy: retryPatiently(patienceMs),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: idleTimeoutMs,
      httpAgent: { maxSockets: MAX_CONNECTIONS },
      httpsAgent: { maxSockets: MAX_CONNECTIONS },
    },
  });
}

/** Rounds to seconds, as HTTP headers do, so that lists and headers give an object the same time. */
function toWholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}
