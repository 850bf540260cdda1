/** What one download may cost. */
export interface DownloadLimits {
  readonly maxBytes: number;
  /** From the request to the last byte that the reader takes. */
  readonly timeoutMs: number;
}

/**
 * Fetches what is at an address that somebody else wrote: a caller, or a provider in its answer.
 *
 * - Nothing is requested before the first read, and a reader that leaves frees the connection.
 * - Only addresses that the operator allows are asked, with no credentials, and no private network is reachable through
 *   them.
 * - It throws a `GatewayError` without a field: `BAD_USER_INPUT` where another address has to be sent (not allowed, not
 *   there), `PAYLOAD_TOO_LARGE`, `UPSTREAM_FAILED` where the host broke, `UPSTREAM_TIMEOUT` where it was too slow. The
 *   messages name the host and nothing else of the address. When `signal` aborts, it throws the signal's reason.
 * - It yields what it received: whether those bytes are an image is for the reader to check.
 */
export interface Downloads {
  read(address: string, limits: DownloadLimits, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
