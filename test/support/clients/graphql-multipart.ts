import type { GraphQLBody } from "../gateways/gateway.ts";

/** A file in a multipart request, and its place in the operation: `variables.input.images.0.upload`. */
export interface SentFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** @defaultValue "image/png" */
  readonly mediaType?: string;
}

export interface Operations {
  readonly query: string;
  readonly variables: object;
}

/** The header that a form needs and that a foreign page could not send. */
export const FORM_HEADERS: Readonly<Record<string, string>> = { "Apollo-Require-Preflight": "true" };

/** @see https://github.com/jaydenseric/graphql-multipart-request-spec */
export function toMultipartForm(operations: Operations, files: readonly SentFile[]): FormData {
  const form = new FormData();
  form.append("operations", JSON.stringify(operations));
  form.append("map", JSON.stringify(Object.fromEntries(files.map(({ path }, index) => [index, [path]]))));
  for (const [index, { bytes, mediaType = "image/png" }] of files.entries()) {
    form.append(String(index), new Blob([new Uint8Array(bytes)], { type: mediaType }), `file-${index}`);
  }
  return form;
}

export async function graphqlMultipart(
  gatewayUrl: string,
  operations: Operations,
  files: readonly SentFile[],
  headers = FORM_HEADERS,
): Promise<{ readonly status: number; readonly body: GraphQLBody }> {
  const form = toMultipartForm(operations, files);
  const response = await fetch(`${gatewayUrl}/graphql`, { method: "POST", headers, body: form });
  return { status: response.status, body: (await response.json()) as GraphQLBody };
}
