import { GatewayError } from "../../../errors.ts";

/** Returns the media type of a `Content-Type` header in lower case, without parameters. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase();
}

/** Types that say nothing about a file. Form parsers use `text/plain` for a part without a type. */
const GENERIC_TYPES: ReadonlySet<string> = new Set([
  "",
  "text/plain",
  "application/octet-stream",
  "binary/octet-stream",
  "image/*",
  "*/*",
]);

/** Returns the media type that a sender declared for a file; `undefined` when it declared none, or a generic one. */
export function fileTypeOf(contentType: string | undefined): string | undefined {
  const mediaType = mediaTypeOf(contentType) ?? "";
  return GENERIC_TYPES.has(mediaType) ? undefined : mediaType;
}

/**
 * Checks the charset of a `Content-Type` header.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE unless it is UTF-8, US-ASCII or absent
 */
export function refuseUnlessUtf8(contentType = ""): void {
  const [, ...parameters] = contentType.split(";");
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=", 2);
    const charset = value.trim().replaceAll('"', "").toLowerCase();
    if (name.trim().toLowerCase() === "charset" && !["utf-8", "utf8", "us-ascii", ""].includes(charset)) {
      throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "this charset is not supported; send UTF-8");
    }
  }
}
