import type { Response } from "express";
import type { Warning } from "../../ports/records.ts";

/**
 * Says in `Warning` headers what was done otherwise than asked. An answer that has begun says nothing.
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

/** Headers hold ASCII; a quote and a backslash are escaped. */
function quote(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}
