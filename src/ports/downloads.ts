/** The limits of one download. */
export interface DownloadLimits {
  /** The most bytes of the file, after decompression. */
  readonly maxBytes: number;
  /** The time from the request to the last byte that the reader consumes, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Whether the file was paid for. If such a download fails for a temporary reason, it is repeated several times, over
   * at least a minute.
   * @defaultValue false
   */
  readonly isPaid?: boolean;
}

/**
 * Downloads files from addresses that come from a caller, or from a provider's answer.
 *
 * - Nothing is requested before the first read. A reader that stops early frees the connection.
 * - Only addresses that the operator allows are requested, without credentials. No private network can be reached.
 * - It throws a `GatewayError` without a field: `BAD_USER_INPUT` if another address must be sent (it is not allowed, or
 *   the file does not exist), `PAYLOAD_TOO_LARGE`, `UPSTREAM_FAILED` if the host failed, `UPSTREAM_TIMEOUT` if it was
 *   too slow. The messages name the host and no other part of the address. When `signal` aborts, it throws the signal's
 *   reason.
 * - It yields the bytes unchecked. The reader must check whether they are an image.
 */
export interface Downloads {
  read(address: string, limits: DownloadLimits, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * Parses a host from which the operator allows downloads: `images.example`, `*.images.example` for all of its
 * subdomains, `images.example:8443`. The protocol is https unless the text begins with `http://`.
 *
 * @throws TypeError when the text is not such a host
 */
export function parseDownloadHost(entry: string): URL {
  const url = new URL(entry.includes("://") ? entry : `https://${entry}`);
  const isOrigin = /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (!isOrigin || url.hostname.lastIndexOf("*") > 0 || /^\*\.?[^.]*$/.test(url.hostname)) {
    throw new TypeError("not a host");
  }
  return url;
}
