/** The life of an image URL, in seconds: one minute to seven days. The configuration and callers choose within it. */
export const URL_TTL_SECONDS = { min: 60, max: 604_800 } as const;

/** The shortest signing secret that is accepted, in characters. */
export const MIN_SECRET_LENGTH = 16;
