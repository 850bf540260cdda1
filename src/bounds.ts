/** The shortest and the longest lifetime of an image URL, in seconds: one minute and seven days. */
export const URL_TTL_SECONDS = { min: 60, max: 604_800 } as const;

/** The shortest signing secret, in characters. */
export const MIN_SECRET_LENGTH = 16;

/** The shortest admin key, in characters. */
export const MIN_ADMIN_KEY_LENGTH = 32;

/**
 * The limits of one address in one process; `undefined` for no limit. IPv6 addresses of one /64 network count as one.
 */
export interface AddressLimits {
  /** Requests, and operations over WebSockets. Images, preflights and health checks do not count. */
  readonly requestsPerMinute: number | undefined;
  /** Open WebSockets and event streams. */
  readonly connections: number | undefined;
  /** Multipart forms that are arriving at the same time. */
  readonly uploads: number | undefined;
}

/** The most images of one generation, and so of one provider call. */
export const MAX_IMAGES = 10;

/** How long before the certificate that signs images expires the log and `pictograph doctor` warn of it. */
export const CERTIFICATE_WARNING_MS = 30 * 24 * 60 * 60 * 1000;
