import { type HttpAnswer, httpRequest } from "./http-request.ts";

export interface GetImageAnswer extends HttpAnswer {
  /** The body as text. */
  readonly text: string;
  readonly urlList: readonly string[];
  readonly errorMessage: string;
}

/** A body, and the Content-Type a client would send with it. */
export interface Encoded {
  readonly contentType: string;
  readonly body: Buffer;
}

export type Fields = Readonly<Record<string, string>>;

/** `POST /get-image` with exactly these headers: without a Content-Type unless one is given. */
export async function getImage(
  gatewayUrl: string,
  body: string | Buffer | readonly (string | Buffer)[],
  headers: Readonly<Record<string, string>> = {},
): Promise<GetImageAnswer> {
  return toGetImageAnswer(await httpRequest(`${gatewayUrl}/get-image`, { method: "POST", body, headers }));
}

export function getImageAsJson(
  gatewayUrl: string,
  fields: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<GetImageAnswer> {
  return getImage(gatewayUrl, JSON.stringify(fields), { "Content-Type": "application/json", ...headers });
}

export function toGetImageAnswer(answer: HttpAnswer): GetImageAnswer {
  const text = answer.body.toString();
  const { urlResponse, errorMessage } = JSON.parse(text) as {
    urlResponse: { urlList: string[] };
    errorMessage: string;
  };
  return { ...answer, text, urlList: urlResponse.urlList, errorMessage };
}

/** As a browser's FormData encodes it. */
export async function asMultipart(fields: Fields): Promise<Encoded> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const response = new Response(form);
  const contentType = response.headers.get("content-type") ?? "";
  return { contentType, body: Buffer.from(await response.arrayBuffer()) };
}

export async function asUrlencoded(fields: Fields): Promise<Encoded> {
  const body = Buffer.from(new URLSearchParams(fields).toString());
  return { contentType: "application/x-www-form-urlencoded", body };
}

export async function asJson(fields: object): Promise<Encoded> {
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(fields)) };
}

export const ENCODINGS = [
  ["multipart", asMultipart],
  ["urlencoded", asUrlencoded],
  ["JSON", asJson],
] as const;

/** A multipart body part by part, for what FormData would not send. Each part is its headers, an empty line, its text. */
export function multipartOf(boundary: string, ...parts: readonly string[]): string {
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("")}--${boundary}--\r\n`;
}

export function textPart(name: string, value: string): string {
  return `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
}
