import type { Response } from "express";

/**
 * Sets the `Sunset` header: the time at which a model that was used stops working. An earlier time that is already set
 * stays. Does nothing once the answer has begun.
 *
 * @param sunset `undefined` sets nothing
 * @see https://www.rfc-editor.org/rfc/rfc8594
 */
export function setSunset(response: Response, sunset: Date | undefined): void {
  if (!sunset || response.headersSent) return;
  const told = response.getHeader("Sunset");
  if (typeof told === "string" && Date.parse(told) <= sunset.getTime()) return;
  response.setHeader("Sunset", sunset.toUTCString());
}
