import type { Response } from "express";

/**
 * Says when what was used stops working, of several the first. An answer that has begun says nothing.
 *
 * @param sunset `undefined` when no end is near
 * @see https://www.rfc-editor.org/rfc/rfc8594
 */
export function setSunset(response: Response, sunset: Date | undefined): void {
  if (!sunset || response.headersSent) return;
  const told = response.getHeader("Sunset");
  if (typeof told === "string" && Date.parse(told) <= sunset.getTime()) return;
  response.setHeader("Sunset", sunset.toUTCString());
}
