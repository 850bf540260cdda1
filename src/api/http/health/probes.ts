/** The paths of the health checks: whether the process is alive, and whether it can take traffic. */
export const LIVENESS_PATH = "/healthz";
export const READINESS_PATH = "/readyz";
/** The path of the metrics. */
export const METRICS_PATH = "/metrics";

/**
 * Whether this is the path of a health check. Health checks come every few seconds and use any host name. So they are
 * exempt from the host check and from limits, and are logged at level `info` only when they fail.
 */
export function isProbe(path: string): boolean {
  return path === LIVENESS_PATH || path === READINESS_PATH;
}
