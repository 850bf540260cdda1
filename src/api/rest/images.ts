import { type Request, type Response, Router } from "express";
import { type Metrics, NO_METRICS } from "../../ports/metrics.ts";
import type { ByteRange, ObjectHeaders } from "../../ports/object-store.ts";
import type { ImageService } from "../../service/image-service.ts";
import type { Delivery } from "../../service/images/image-delivery.ts";
import type { Routes } from "../http/app.ts";
import { refuseOtherMethods } from "../http/other-methods.ts";
import { contextOf } from "../http/request-context.ts";
import { ImageSender, type ImageSenderOptions } from "./image-sender.ts";

/** How long a URL of the store works. A viewer that is redirected follows it at once. */
const REDIRECT_SECONDS = 60;

export interface ImageRoutesOptions extends ImageSenderOptions {
  /**
   * Whether viewers are redirected to the store, if the store has URLs of its own. Otherwise the gateway sends all
   * bytes.
   *
   * @defaultValue true
   */
  readonly isRedirecting?: boolean;
  /** Counts what viewers get. @defaultValue counts nothing */
  readonly deliveries?: Pick<Metrics, "imageSent" | "imageRedirected">;
}

/** `GET|HEAD /images/…`: the images behind signed URLs. */
export function imageRoutes(
  service: Pick<ImageService, "open">,
  { isRedirecting = true, deliveries = NO_METRICS, ...senderOptions }: ImageRoutesOptions = {},
): Routes {
  const sender = new ImageSender(senderOptions);
  const router = Router({ caseSensitive: true, strict: true });
  // Not a path with a parameter, because Express would decode the parameter, and refuse a path that it cannot decode.
  router.get(/^\/images\//, async (request, response) => {
    // An image that is opened as a page runs no script and has no origin.
    response.setHeader("Content-Security-Policy", "sandbox");
    const delivery = await service.open(request.url, contextOf(request).network);
    // The store's URLs are signed for GET only, so HEAD is answered here.
    if (isRedirecting && request.method === "GET" && (await redirect(response, delivery))) {
      deliveries.imageRedirected();
      return;
    }
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
    if (request.method === "GET") {
      const { start, end } = range ?? { start: 0, end: delivery.object.byteSize - 1 };
      response.once("finish", () => {
        if (response.statusCode < 300) deliveries.imageSent(end - start + 1);
      });
    }
    await send(sender, request, response, delivery, range);
  });
  // Clients of `/v1` whose base URL lacks the version send POSTs to these two paths. The routes of `/v1` answer them.
  router.all(/^\/images\/(?!(generations|edits)$)/, refuseOtherMethods);
  return { router, isPublic: true };
}

/** Redirects the viewer to the store. @returns false, and nothing is sent, if only the gateway can read the store */
async function redirect(response: Response, delivery: Delivery): Promise<boolean> {
  const seconds = Math.min(REDIRECT_SECONDS, delivery.secondsLeft);
  const location = await delivery.object.temporaryUrl?.(headersOf(delivery), seconds);
  if (location === undefined) return false;
  response.setHeader("Location", location);
  // The redirect is cached for half of the URL's lifetime, so that a viewer who finds it in a cache can still use the
  // URL.
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
 * Returns the requested range of bytes. For several ranges, an unknown unit or another version of the image, the whole
 * image is sent instead.
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
  sender: ImageSender,
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
  await sender.send(response, object, byteSize, range);
}
