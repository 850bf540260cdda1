import { type Request, type Response, Router } from "express";
import type { ByteRange, ObjectHeaders } from "../../ports/object-store.ts";
import type { ImageService } from "../../service/image-service.ts";
import type { Delivery } from "../../service/images/image-delivery.ts";
import type { Routes } from "../http/app.ts";

/** What an answer holds of an image in memory; more than a connection takes without saying wait. */
const SCRATCH_BYTES = 128 * 1024;
/** Used again and again: at this rate, new memory costs more than the reading. */
const MAX_SPARE_SCRATCHES = 32;
/** How long a URL of the store itself works: a viewer that is sent there goes at once. */
const REDIRECT_SECONDS = 60;

export interface ImageRoutesOptions {
  /**
   * Sends viewers to the store itself, where it has URLs of its own; otherwise all bytes pass through the gateway.
   *
   * @defaultValue true
   */
  readonly isRedirecting?: boolean;
}

/** `GET|HEAD /images/…`: the images behind signed URLs. */
export function imageRoutes(
  service: Pick<ImageService, "open">,
  { isRedirecting = true }: ImageRoutesOptions = {},
): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  // Not a path with a parameter: Express would decode it, and refuse what cannot be decoded before we look at it.
  router.get(/^\/images\//, async (request, response) => {
    // Opened as a page, it runs no script and belongs to no origin.
    response.setHeader("Content-Security-Policy", "sandbox");
    const delivery = await service.open(request.url);
    // A URL of the store is signed for one method, so that HEAD is answered here.
    if (isRedirecting && request.method === "GET" && (await redirect(response, delivery))) return;
    describe(response, delivery);
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    const range = rangeOf(request, response, delivery.object.byteSize);
    if (range === "unsatisfiable") {
      response.status(416).setHeader("Content-Range", `bytes */${delivery.object.byteSize}`).end();
      return;
    }
    await send(request, response, delivery, range);
  });
  return { router };
}

/** Sends the viewer to the store itself. `false`, and nothing done, when only the gateway can read it. */
async function redirect(response: Response, delivery: Delivery): Promise<boolean> {
  const seconds = Math.min(REDIRECT_SECONDS, delivery.secondsLeft);
  const location = await delivery.object.temporaryUrl?.(headersOf(delivery), seconds);
  if (location === undefined) return false;
  response.setHeader("Location", location);
  // For half of that URL's life: whoever finds the answer in a cache still comes in time.
  response.setHeader("Cache-Control", `private, max-age=${Math.floor(seconds / 2)}`);
  response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
  response.status(302).end();
  return true;
}

function describe(response: Response, delivery: Delivery): void {
  const { contentType, contentDisposition, cacheControl } = headersOf(delivery);
  response.setHeader("Content-Type", contentType);
  response.setHeader("Content-Disposition", contentDisposition);
  response.setHeader("Cache-Control", cacheControl);
  response.setHeader("ETag", `"${delivery.tag}"`);
  response.setHeader("Last-Modified", delivery.object.modifiedAt.toUTCString());
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
}

function headersOf({ format, secondsLeft }: Delivery): ObjectHeaders {
  return {
    contentType: `image/${format.toLowerCase()}`,
    contentDisposition: "inline",
    cacheControl: `private, max-age=${secondsLeft}`,
  };
}

/**
 * One range of bytes is served as such. Several at once, one that is not understood, or one of another version of the
 * image get it whole.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
 */
function rangeOf(request: Request, response: Response, byteSize: number): ByteRange | "unsatisfiable" | undefined {
  const version = request.get("If-Range");
  const isThisVersion = [undefined, response.get("ETag"), response.get("Last-Modified")].includes(version);
  const [, first, last] = /^bytes=([0-9]*)-([0-9]*)$/i.exec(request.get("Range") ?? "") ?? [];
  if (request.method !== "GET" || !isThisVersion || first === undefined || last === undefined) return undefined;
  if (first === "") return last === "" ? undefined : suffixOf(Number(last), byteSize);
  const [start, end] = [Number(first), last === "" ? byteSize - 1 : Number(last)];
  if (last !== "" && end < start) return undefined;
  return start < byteSize ? { start, end: Math.min(end, byteSize - 1) } : "unsatisfiable";
}

function suffixOf(length: number, byteSize: number): ByteRange | "unsatisfiable" {
  return length === 0 ? "unsatisfiable" : { start: Math.max(0, byteSize - length), end: byteSize - 1 };
}

async function send(
  request: Request,
  response: Response,
  { object }: Delivery,
  range: ByteRange | undefined,
): Promise<void> {
  const byteSize = range ? range.end - range.start + 1 : object.byteSize;
  response.setHeader("Content-Length", byteSize);
  if (range) {
    response.status(206).setHeader("Content-Range", `bytes ${range.start}-${range.end}/${object.byteSize}`);
  }
  if (request.method === "HEAD" || byteSize === 0) {
    response.end();
    return;
  }
  await sendBytes(response, object.read(range, scratchFor(response, byteSize)), byteSize);
}

const spareScratches: Buffer[] = [];

/** Memory for the chunks of one answer, until all of it is with the operating system. */
function scratchFor(response: Response, byteSize: number): Buffer | undefined {
  // A connection that takes more without saying wait may still be sending a chunk when the next one is read over it.
  if (byteSize > SCRATCH_BYTES && response.writableHighWaterMark > SCRATCH_BYTES) return undefined;
  const scratch = spareScratches.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  // Of an answer that is cut short nobody knows what is still being sent.
  response.once("finish", () => {
    if (!response.destroyed && spareScratches.length < MAX_SPARE_SCRATCHES) spareScratches.push(scratch);
  });
  return scratch;
}

/**
 * Hands bytes over no faster than the viewer takes them. A viewer that leaves in the middle is everyday life: then the
 * reading ends at once, and nothing is thrown.
 */
async function sendBytes(response: Response, bytes: AsyncIterable<Uint8Array>, byteSize: number): Promise<void> {
  const chunks = bytes[Symbol.asyncIterator]();
  const leave = () => void chunks.return?.().catch(() => undefined);
  response.once("close", leave);
  try {
    for (let left = byteSize; left > 0 && !response.destroyed; ) {
      const { value, done } = await chunks.next();
      if (done || value.byteLength > left) throw new Error("an object is not as large as its store said");
      left -= value.byteLength;
      if (left === 0) response.end(value);
      else if (!response.write(value)) await untilWritable(response);
    }
  } catch (error) {
    if (!response.destroyed) throw error;
  }
}

function untilWritable(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const proceed = () => {
      response.off("drain", proceed).off("close", proceed);
      resolve();
    };
    response.once("drain", proceed).once("close", proceed);
  });
}
