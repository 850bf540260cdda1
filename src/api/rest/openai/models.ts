import { Router } from "express";
import { GatewayError } from "../../../errors.ts";
import type { ModelDescription } from "../../../ports/image-provider.ts";
import type { ImageService } from "../../../service/image-service.ts";
import { setSunset } from "../../http/answers/sunset-header.ts";
import { contextOf } from "../../http/request-context.ts";

/**
 * Creates the routes `GET /v1/models`, which lists every model that the caller may request, and `GET /v1/models/…`, which
 * shows one of them or a retired one that one of them replaces.
 */
export function openAIModelsRouter(service: Pick<ImageService, "modelsFor" | "modelFor" | "sunsetOf">): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/v1/models", async (request, response) => {
    const models = await service.modelsFor(contextOf(request).caller);
    response.setHeader("Cache-Control", "no-store");
    response.json({ object: "list", data: models.map(toModel) });
  });
  // Some names contain a slash.
  router.get("/v1/models/*name", async (request, response) => {
    const id = ([] as string[]).concat(request.params.name ?? []).join("/");
    const model = await service.modelFor(contextOf(request).caller, id);
    if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "This gateway has no such model.", { field: "model" });
    setSunset(response, service.sunsetOf({ model: id }));
    response.setHeader("Cache-Control", "no-store").json(toModel(model));
  });
  return router;
}

/** Formats a model. Only the vendor knows when it was created, but clients expect a number. */
function toModel({ id, provider, createdAt, shutdownDate }: ModelDescription): object {
  const created = (createdAt?.getTime() ?? 0) / 1000;
  return { id, object: "model", created, owned_by: provider, shutdown_date: shutdownDate ?? null };
}
