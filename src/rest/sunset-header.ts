import type { Response } from "express";

/**
 * Says when what was used stops working. An answer that has begun says nothing.
 *
 * @param sunset `undefined` when no end is near
 * @see https://www.rfc-editor.org/rfc/rfc8594
 */
export function setSunset(response: Response, sunset: Date | undefined): void {
  if (sunset && !response.headersSent) response.setHeader("Sunset", sunset.toUTCString());
}
