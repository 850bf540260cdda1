/** The life of an image URL, in seconds: one minute to seven days. The configuration and callers choose within it. */
export const URL_TTL_SECONDS = { min: 60, max: 604_800 } as const;

/** The shortest signing secret that is accepted, in characters. */
export const MIN_SECRET_LENGTH = 16;

/** The shortest admin key that is accepted, in characters. */
export const MIN_ADMIN_KEY_LENGTH = 32;

/** What one address may ask of one process, IPv6 addresses by their /64; `undefined` for no limit. */
export interface AddressLimits {
  /** Requests, and operations over WebSockets; images, preflights and health checks are not counted. */
  readonly requestsPerMinute: number | undefined;
  /** WebSockets and event streams that are open at once. */
  readonly connections: number | undefined;
  /** Multipart forms that are being received at once. */
  readonly uploads: number | undefined;
}

/** The most images of one generation, and so of one call of a provider. */
export const MAX_IMAGES = 10;
