import { Router } from "express";
import type { Routes } from "../http/app.ts";
import { refuseOtherMethods } from "../http/other-methods.ts";
import { contextOf } from "../http/request-context.ts";
import { describeRestApi } from "./openapi.ts";

/** Creates the route `GET /openapi.json`: the OpenAPI document of the REST API, with this gateway as its server. */
export function openApiRoutes(): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  const document = describeRestApi();
  router.get("/openapi.json", (request, response) => {
    const { rootUrl } = contextOf(request);
    response.setHeader("Cache-Control", "no-cache").json({ ...document, servers: [{ url: rootUrl }] });
  });
  router.all("/openapi.json", refuseOtherMethods);
  return { router, isPublic: true };
}
