import { GatewayError } from "../../errors.ts";

/** The media type of a `Content-Type` header in lower case, without parameters. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase();
}

/** Types that say nothing of a file; parsers of forms put `text/plain` where a part has no type. */
const GENERIC_TYPES: ReadonlySet<string> = new Set([
  "",
  "text/plain",
  "application/octet-stream",
  "binary/octet-stream",
  "image/*",
  "*/*",
]);

/** The type that a sender gives its file; `undefined` when it says nothing, or nothing that helps. */
export function fileTypeOf(contentType: string | undefined): string | undefined {
  const mediaType = mediaTypeOf(contentType) ?? "";
  return GENERIC_TYPES.has(mediaType) ? undefined : mediaType;
}

/** @throws UNSUPPORTED_MEDIA_TYPE when a `Content-Type` header names another charset than UTF-8 or US-ASCII */
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
