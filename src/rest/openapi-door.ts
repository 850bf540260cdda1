import { Router } from "express";
import type { Door } from "../http/app.ts";
import { contextOf } from "../http/request-context.ts";
import { describeRestDoors } from "./openapi.ts";

/** `GET /openapi.json`: the REST doors as an OpenAPI document whose server is this one. */
export function openApiDoor(): Door {
  const router = Router({ caseSensitive: true, strict: true });
  const document = describeRestDoors();
  router.get("/openapi.json", (request, response) => {
    const { rootUrl } = contextOf(request);
    response.setHeader("Cache-Control", "no-cache").json({ ...document, servers: [{ url: rootUrl }] });
  });
  return { router };
}
