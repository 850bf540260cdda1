/** The package describes its types in comments that the compiler does not read. */
declare module "graphql-upload/Upload.mjs" {
  export interface FileUpload {
    readonly mimetype: string;
    createReadStream(): import("node:stream").Readable;
  }
  export default class Upload {
    readonly promise: Promise<FileUpload>;
  }
}

declare module "graphql-upload/graphqlUploadExpress.mjs" {
  export default function graphqlUploadExpress(limits: {
    readonly maxFieldSize: number;
    readonly maxFileSize: number;
    readonly maxFiles: number;
  }): import("express").RequestHandler;
}
