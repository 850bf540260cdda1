import { type ErrorRequestHandler, type Request, type Response, Router } from "express";
import type { ImageService } from "../../service/image-service.ts";
import type { Routes } from "../http/app.ts";
import { readRawBody } from "../http/bodies/body-bytes.ts";
import { type FormFields, parseFormBody, toFields } from "../http/bodies/form-body.ts";
import { setErrorStatus, toCallerError } from "../http/errors.ts";
import { contextOf } from "../http/request-context.ts";
import { setSunset } from "../http/sunset-header.ts";
import { setWarnings } from "../http/warning-header.ts";
import { refuseUnlessSucceeded } from "./ended-generation.ts";
import { GetImageRequest, readGetImage } from "./get-image-input.ts";
import { endWithJson, whileSendingSpace } from "./keep-alive.ts";

export interface GetImageOptions {
  readonly maxBodyBytes: number;
  /** How long an answer may take; the images of a slower generation are kept and found under the idempotency key. */
  readonly waitMs: number;
  /** How often a waiting answer sends white space, for proxies that cut silent connections; `undefined` for never. */
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
    const accepted = await service.submit(caller, { ...input, format: "PNG", idempotencyKey });
    setSunset(response, service.sunsetOf(accepted));
    setWarnings(response, accepted.warnings);
    const generation = await whileSendingSpace(response, keepAliveMs, service.wait(accepted, waitMs));
    setSunset(response, service.sunsetOf(generation));
    setWarnings(response, generation.warnings);
    refuseUnlessSucceeded(generation);
    const [images = []] = await service.imagesOf([generation.id]);
    answer(
      response,
      images.map((image) => rootUrl + service.link(image)),
      "OK",
    );
  });
  router.all(paths, (_request, response) => {
    response.status(405).setHeader("Allow", "POST, OPTIONS");
    answer(response, [], "send a POST with prompt, n and size");
  });
  return { router, errors: { path: "/get-image", answer: answerErrorsAsIn2022 } };
}

/** Old clients read `urlResponse.urlList` without looking at the status. */
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

/** An app that the gateway is mounted in may have read the body already, and parsed it too. */
async function readFields(request: Request): Promise<FormFields> {
  const { body = "" } = request as { body?: unknown };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  // The request lives as long as its answer takes.
  request.body = undefined;
  return Buffer.isBuffer(bytes) ? parseFormBody(bytes, request, isField) : toFields(bytes);
}
