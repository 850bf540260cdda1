import { type ErrorRequestHandler, type Request, type Response, Router } from "express";
import type { ImageService } from "../../service/image-service.ts";
import { setErrorStatus, toCallerError } from "../http/answers/errors.ts";
import { setRateLimits } from "../http/answers/rate-limit-headers.ts";
import { setSunset } from "../http/answers/sunset-header.ts";
import { setWarnings } from "../http/answers/warning-header.ts";
import type { Routes } from "../http/app.ts";
import { readRawBody } from "../http/bodies/body-bytes.ts";
import { type FormFields, parseFormBody, toFields } from "../http/bodies/form-body.ts";
import { contextOf } from "../http/request-context.ts";
import { refuseUnlessSucceeded } from "./ended-generation.ts";
import { GetImageRequest, readGetImage } from "./get-image-input.ts";
import { endWithJson, whileSendingSpace } from "./keep-alive.ts";

export interface GetImageOptions {
  readonly maxBodyBytes: number;
  /**
   * How long a client waits for its answer, in milliseconds. A slower generation continues, and the idempotency key
   * finds its images.
   */
  readonly waitMs: number;
  /**
   * How often white space is sent while the client waits, for proxies that cut silent connections; `undefined` for
   * never.
   */
  readonly keepAliveMs: number | undefined;
}

/** `POST /get-image`, the contract of 2022: three strings in, a list of image URLs out. */
export function getImageRoutes(service: ImageService, { maxBodyBytes, waitMs, keepAliveMs }: GetImageOptions): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  const paths = ["/get-image", "/get-image/"];
  router.post(paths, readRawBody(maxBodyBytes), async (request, response) => {
    const { caller, rootUrl } = contextOf(request);
    const input = readGetImage(await readFields(request));
    const idempotencyKey = request.get("Idempotency-Key");
    const order = { ...input, format: "PNG", idempotencyKey } as const;
    const accepted = await service.submit(caller, order, (rates) => setRateLimits(response, rates));
    setSunset(response, service.sunsetOf(accepted));
    setWarnings(response, accepted.warnings);
    const generation = await whileSendingSpace(response, keepAliveMs, service.wait(accepted, waitMs));
    setSunset(response, service.sunsetOf(generation));
    setWarnings(response, generation.warnings);
    refuseUnlessSucceeded(generation);
    const images = await service.imagesOfEnded(generation);
    answer(
      response,
      images.map((image) => rootUrl + service.link(image)),
      "OK",
    );
  });
  router.all(paths, (_request, response) => {
    response.status(405).setHeader("Allow", "POST, OPTIONS");
    answer(response, [], "send prompt, n and size by POST");
  });
  return { router, errors: { path: "/get-image", answer: answerErrorsAsIn2022 } };
}

/** Answers errors in the format of 2022. Old clients read `urlResponse.urlList` without checking the status. */
const answerErrorsAsIn2022: ErrorRequestHandler = (error, request, response, _next) => {
  const callerError = toCallerError(error, request);
  if (!response.headersSent) setErrorStatus(response, callerError);
  answer(response, [], callerError.message);
};

function answer(response: Response, urlList: readonly string[], errorMessage: string): void {
  endWithJson(response, { urlResponse: { urlList }, errorMessage });
}

function isField(name: string): boolean {
  return Object.hasOwn(GetImageRequest.shape, name);
}

/** Reads the fields of the body. A host program may have read and parsed the body already. */
async function readFields(request: Request): Promise<FormFields> {
  const { body = "" } = request as { body?: unknown };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  // Drop the body now: the request stays in memory until it is answered.
  request.body = undefined;
  return Buffer.isBuffer(bytes) ? parseFormBody(bytes, request, isField) : toFields(bytes);
}
