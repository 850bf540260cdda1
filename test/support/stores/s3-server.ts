import crypto, { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import StrictS3rver from "@20minutes/s3rver";
import AnyoneS3rver, { type S3rverMiddleware, type S3rverStore } from "s3rver";

/**
 * The fork checks the signatures of requests and presigned URLs; the original accepts every signature of a known access
 * key.
 */
export const S3_FLAVOURS = { s3rver: AnyoneS3rver, "@20minutes/s3rver": StrictS3rver } as const;
export type S3Flavour = keyof typeof S3_FLAVOURS;

/** The only credentials that both servers know. */
export const S3_CREDENTIALS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" } as const;

export interface S3Server {
  /** `http://127.0.0.1:<port>`, which stays the same until the end. */
  readonly endpoint: string;
  newBucket(): Promise<string>;
  removeBucket(bucket: string): Promise<void>;
  /** Adds objects to the bucket without the store. Each has its key as its content. */
  plant(bucket: string, keys: readonly string[]): Promise<void>;
  /** Everything that takes space in the bucket, including the parts of incomplete uploads. */
  footprint(bucket: string): Promise<readonly string[]>;
  /** Makes all present objects look this old. */
  ageObjects(bucket: string, ageMs: number): Promise<void>;
  /** Makes all incomplete uploads look this old. */
  ageUploads(bucket: string, ageMs: number): Promise<void>;
  /** Cuts every connection and stops listening. */
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
  /** Removes everything. */
  stop(): Promise<void>;
}

/** An S3 server on a free port, with its own empty directory. */
export async function startS3Server(flavour: S3Flavour): Promise<S3Server> {
  const root = await mkdtemp(join(tmpdir(), "pictograph-test-"));
  bringBackDes();
  const app = new S3_FLAVOURS[flavour]({ directory: root, silent: true, vhostBuckets: false });
  app.middleware.unshift(checkSignatureAsSent);
  keepPromisesOfS3(app.store, root);
  const serveObjects = app.callback();
  const serve = (request: IncomingMessage, response: ServerResponse) =>
    answerUploads(root, request, response).then(
      (isAnswered) => isAnswered || serveObjects(request, response),
      () => response.destroy(),
    );
  let server = await listen(serve, 0);
  const { port } = server.address() as AddressInfo;
  const takeAway = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async newBucket() {
      const bucket = `bucket-${randomUUID()}`;
      await app.store.putBucket(bucket);
      return bucket;
    },
    removeBucket: (bucket) => rm(join(root, bucket), { recursive: true }),
    async plant(bucket, keys) {
      for (const key of keys) {
        const path = app.store.getResourcePath(bucket, key, "object");
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, key);
      }
    },
    footprint: (bucket) => footprintOf(join(root, bucket)),
    async ageObjects(bucket, ageMs) {
      const stored = new Date(Date.now() - ageMs);
      for (const path of await footprintOf(join(root, bucket))) await utimes(join(root, bucket, path), stored, stored);
    },
    async ageUploads(bucket, ageMs) {
      const began = new Date(Date.now() - ageMs);
      for (const id of await readdir(uploadsOf(root, bucket))) {
        await utimes(join(uploadsOf(root, bucket), id, "key"), began, began);
      }
    },
    takeAway,
    async bringBack() {
      server = await listen(serve, port);
    },
    async stop() {
      await takeAway();
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => void, port: number) {
  const server: Server = createServer(serve);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/**
 * Both servers encrypt the token of a listing's next page with DES, which OpenSSL 3 no longer offers. Triple DES with
 * three equal keys gives the same result.
 */
function bringBackDes(): void {
  for (const name of ["createCipheriv", "createDecipheriv"] as const) {
    const create = crypto[name] as (algorithm: string, key: Buffer, iv: Buffer) => unknown;
    const patched = (algorithm: string, key: Buffer, iv: Buffer, ...rest: []) =>
      algorithm === "des"
        ? create("des-ede3-cbc", Buffer.concat([key, key, key]), iv)
        : create(algorithm, key, iv, ...rest);
    Object.assign(crypto, { [name]: patched });
  }
}

/**
 * S3 shows an object only when it is complete; these servers write in place. They also read a range end of 0 as no end.
 */
function keepPromisesOfS3(store: S3rverStore, root: string): void {
  const putObject = store.putObject.bind(store);
  const getObject = store.getObject.bind(store);
  store.putObject = async (object) => {
    const [bucket, key] = [".incoming", randomUUID()];
    await mkdir(join(root, bucket), { recursive: true });
    const answer = await putObject(
      Object.assign(Object.create(Object.getPrototypeOf(object)), object, { bucket, key }),
    );
    await mkdir(dirname(store.getResourcePath(object.bucket, object.key, "object")), { recursive: true });
    for (const resource of ["metadata.json", "object.md5", "object"]) {
      const path = store.getResourcePath(object.bucket, object.key, resource);
      await rename(store.getResourcePath(bucket, key, resource), path);
    }
    return answer;
  };
  store.getObject = (bucket, key, options) =>
    getObject(bucket, key, options?.end === 0 ? { ...options, end: "0" } : options);
}

/**
 * The fork checks the signature of a request for `/bucket/` as if it were for `/bucket`, unless it takes the bucket for
 * a part of the host name.
 */
const checkSignatureAsSent: S3rverMiddleware = (context, next) => {
  if (/^\/[^/]+\/$/.test(context.path)) {
    context.mountPath = "/";
    Object.defineProperty(context.state, "vhost", { get: () => true, set: () => undefined });
  }
  return next();
};

/**
 * Both servers encrypt the token of a listing's next page with DES, which OpenSSL no longer offers: here it stays
 * readable.
 */
function replaceDes(): void {
  const readable = { update: (text: string | Buffer) => Buffer.from(text as string), final: () => Buffer.alloc(0) };
  for (const name of ["createCipheriv", "createDecipheriv"] as const) {
    const original = crypto[name] as (algorithm: string, ...rest: unknown[]) => unknown;
    const replaced = (algorithm: string, ...rest: unknown[]) =>
      algorithm === "des" ? readable : original(algorithm, ...rest);
    Object.assign(crypto, { [name]: replaced });
  }
}

replaceDes();

/** Adds what both servers lack: aborting an upload, listing incomplete uploads, and reporting an unknown upload. */
async function answerUploads(root: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://s3");
  const [, bucket = ""] = pathname.split("/");
  const uploadId = searchParams.get("uploadId");
  if (request.method === "GET" && searchParams.has("uploads")) {
    response.setHeader("Content-Type", "application/xml");
    response.end(await listUploads(root, bucket));
    return true;
  }
  if (uploadId === null) return false;
  const upload = join(uploadsOf(root, bucket), uploadId);
  if (!(await stat(upload).catch(() => undefined))) {
    request.resume();
    response.writeHead(404, { "Content-Type": "application/xml" });
    response.end("<Error><Code>NoSuchUpload</Code><Message>There is no such upload.</Message></Error>");
    return true;
  }
  if (request.method !== "DELETE") return false;
  await rm(upload, { recursive: true, force: true });
  response.writeHead(204).end();
  return true;
}

async function listUploads(root: string, bucket: string): Promise<string> {
  const ids = await readdir(uploadsOf(root, bucket)).catch(() => []);
  const uploads = ids.map(async (id) => {
    const path = join(uploadsOf(root, bucket), id, "key");
    const [key, { mtime }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${mtime.toISOString()}</Initiated></Upload>`;
  });
  return `<ListMultipartUploadsResult>${(await Promise.all(uploads)).join("")}</ListMultipartUploadsResult>`;
}

function uploadsOf(root: string, bucket: string): string {
  return join(root, bucket, "._S3rver_uploads");
}

/** Each object consists of three files; one contains its bytes. */
async function footprintOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((path) => relative(directory, path)).filter((path) => !/_(object\.md5|metadata\.json)$/.test(path));
}
