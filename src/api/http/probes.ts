/** What load balancers ask: whether the process lives, and whether it can take traffic. */
export const LIVENESS_PATH = "/healthz";
export const READINESS_PATH = "/readyz";

/**
 * Whether this is the path of a health check. They come every few seconds, by whatever host name: they are exempt from
 * the host check and from limits, and the log mentions them only when something is wrong.
 */
export function isProbe(path: string): boolean {
  return path === LIVENESS_PATH || path === READINESS_PATH;
}
