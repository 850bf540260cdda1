/** What one download may cost. */
export interface DownloadLimits {
  /** Of the file itself: what is compressed on its way counts decompressed. */
  readonly maxBytes: number;
  /** From a request to the last byte that the reader takes. */
  readonly timeoutMs: number;
  /**
   * Whether the file was paid for: a failure that may pass is then waited out, by several more requests over at least a
   * minute.
   *
   * @defaultValue false
   */
  readonly isPaid?: boolean;
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

/**
 * Reads one host from which the operator allows downloads: `images.example`, `*.images.example` for every host below it,
 * `images.example:8443`. The protocol is https unless `http://` stands before the host.
 *
 * @throws TypeError when the text is no such host
 */
export function parseDownloadHost(entry: string): URL {
  const url = new URL(entry.includes("://") ? entry : `https://${entry}`);
  const isOrigin = /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (!isOrigin || url.hostname.lastIndexOf("*") > 0 || /^\*\.?[^.]*$/.test(url.hostname)) {
    throw new TypeError("not a host");
  }
  return url;
}
