/** The package describes its types in comments that the compiler does not read. */
declare module "graphql-upload/Upload.mjs" {
  export interface FileUpload {
    readonly mimetype: string;
    /** The temporary file; its `_path` is there when it is `ready`. */
    readonly capacitor: import("node:stream").Writable & { readonly _path: string };
    createReadStream(): import("node:stream").Readable;
  }
  export default class Upload {
    readonly promise: Promise<FileUpload>;
  }
}

declare module "graphql-upload/processRequest.mjs" {
  export interface ProcessRequestOptions {
    readonly maxFieldSize: number;
    readonly maxFileSize: number;
    readonly maxFiles: number;
  }
  export default function processRequest(
    request: import("node:http").IncomingMessage,
    response: import("node:http").ServerResponse,
    options: ProcessRequestOptions,
  ): Promise<object>;
}

declare module "graphql-upload/graphqlUploadExpress.mjs" {
  import type processRequest from "graphql-upload/processRequest.mjs";
  import type { ProcessRequestOptions } from "graphql-upload/processRequest.mjs";
  export default function graphqlUploadExpress(
    options: ProcessRequestOptions & { readonly processRequest: typeof processRequest },
  ): import("express").RequestHandler;
}
