import type { RequestHandler } from "express";

/** The part of a page's `Content-Security-Policy` that keeps other pages from framing it. */
export const NO_FRAMES = "frame-ancestors 'none'";

/**
 * Keeps other pages from showing this one in a frame and leading clicks to it. The older header is for browsers that do
 * not know the policy.
 */
export const denyFraming: RequestHandler = (_request, response, next) => {
  response.setHeader("Content-Security-Policy", NO_FRAMES);
  response.setHeader("X-Frame-Options", "DENY");
  next();
};
