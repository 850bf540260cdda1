declare module "s3rver" {
  import type { RequestListener } from "node:http";
  import type { Readable } from "node:stream";

  /** Only the parts that the tests use. */
  export default class S3rver {
    constructor(options: { directory: string; silent: boolean; vhostBuckets: boolean });
    readonly store: S3rverStore;
    readonly middleware: S3rverMiddleware[];
    callback(): RequestListener;
  }

  export type S3rverMiddleware = (
    context: { readonly path: string; readonly state: object; mountPath?: string },
    next: () => Promise<unknown>,
  ) => Promise<unknown>;

  export interface S3rverStore {
    putBucket(bucket: string): Promise<unknown>;
    putObject(object: S3rverObject): Promise<unknown>;
    getObject(bucket: string, key: string, options?: { start?: number; end?: number | string }): Promise<unknown>;
    getResourcePath(bucket: string, key: string, resource: string): string;
  }

  export interface S3rverObject {
    readonly bucket: string;
    readonly key: string;
    readonly content: Readable | Buffer;
    readonly metadata: object;
  }
}

declare module "@20minutes/s3rver" {
  export { default } from "s3rver";
}
