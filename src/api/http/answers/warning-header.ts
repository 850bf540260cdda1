import type { Response } from "express";
import type { Warning } from "../../../ports/records.ts";

/**
 * Sets `Warning` headers that say what the gateway did differently from the request. Does nothing once the answer has
 * begun.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7234#section-5.5 299 is "miscellaneous persistent warning"
 */
export function setWarnings(response: Response, warnings: readonly Warning[]): void {
  if (warnings.length === 0 || response.headersSent) return;
  response.setHeader(
    "Warning",
    warnings.map(({ message }) => `299 pictograph ${quote(message)}`),
  );
}

/** Returns a quoted string for a header: other characters than ASCII become `?`, quotes and backslashes are escaped. */
function quote(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}
