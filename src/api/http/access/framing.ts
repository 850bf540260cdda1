import type { RequestHandler } from "express";

/** The part of a page's `Content-Security-Policy` that forbids other pages to show it in a frame. */
export const NO_FRAMES = "frame-ancestors 'none'";

/**
 * Forbids other pages to show this page in a frame, where they could trick visitors into clicking on it. The older
 * header is for browsers that do not know the policy.
 */
export const denyFraming: RequestHandler = (_request, response, next) => {
  response.setHeader("Content-Security-Policy", NO_FRAMES);
  response.setHeader("X-Frame-Options", "DENY");
  next();
};
