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
  router.use("/v1", (request, response) => {
    response.status(404).setHeader("Cache-Control", "no-store");
    response.json(
      toOpenAIFields(`Invalid URL (${request.method} ${request.baseUrl}${request.path})`, "invalid_request_error"),
    );
  });
  return { router, errors: { path: "/v1", answer: answerOpenAIErrors } };
}
