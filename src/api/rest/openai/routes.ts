import { Router } from "express";
import type { ImageService } from "../../../service/image-service.ts";
import type { Routes } from "../../http/app.ts";
import { answerOpenAIErrors, toOpenAIFields } from "./errors.ts";
import { type OpenAIImagesOptions, openAIImagesRouter } from "./images.ts";
import { openAIModelsRouter } from "./models.ts";

const METHODS = [
  [/^\/v1\/images\/(generations|edits)$/, "POST, OPTIONS"],
  [/^\/v1\/models(\/.*)?$/, "GET, HEAD, OPTIONS"],
] as const;

/** Where clients arrive whose base URL lacks the version. */
const WITHOUT_VERSION = ["/images/generations", "/images/edits"];

/** Creates the routes of `/v1`, for clients of OpenAI's Images API. */
export function openAIRoutes(service: ImageService, options: OpenAIImagesOptions): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  router.use(openAIImagesRouter(service, options), openAIModelsRouter(service));
  for (const [path, allowed] of METHODS) {
    router.all(path, (request, response) => {
      const message = `Not allowed to ${request.method} on ${request.path}.`;
      response.status(405).set({ Allow: allowed, "Cache-Control": "no-store" });
      response.json(toOpenAIFields(message, "invalid_request_error", "method_not_supported"));
    });
  }
  router.post(WITHOUT_VERSION, (request, response) => {
    const message = `Invalid URL (POST ${request.path}). The client's base URL has to end with /v1.`;
    response.status(404).set("Cache-Control", "no-store").json(toOpenAIFields(message, "invalid_request_error"));
  });
  router.use("/v1", (request, response) => {
    response.status(404).setHeader("Cache-Control", "no-store");
    response.json(
      toOpenAIFields(`Invalid URL (${request.method} ${request.baseUrl}${request.path})`, "invalid_request_error"),
    );
  });
  return { router, errors: { path: "/v1", answer: answerOpenAIErrors } };
}
