import { type Request, Router } from "express";
import { GatewayError } from "../../../errors.ts";
import type { ReadableMetrics } from "../../../ports/metrics.ts";
import { isLoopback } from "../../../settings/host-name.ts";
import type { Routes } from "../app.ts";
import { refuseOtherMethods } from "../other-methods.ts";
import { contextOf } from "../request-context.ts";
import { METRICS_PATH } from "./probes.ts";

/**
 * Who may read the metrics: everyone who reaches the listener, callers with the admin key, or programs on this machine
 * that connect without a proxy.
 */
export type MetricsReaders = "everyone" | "admin" | "loopback";

/** Headers that proxies add. A request that has one comes from elsewhere, even if its connection is local. */
const PROXY_HEADERS = /^(?:forwarded|via|x-forwarded-.*|x-real-ip)$/;

/** Creates the route of the metrics: `GET /metrics`, in the text format of Prometheus. */
export function metricsRoutes(metrics: ReadableMetrics, readers: MetricsReaders): Routes {
  const router = Router();
  router.get(METRICS_PATH, async (request, response) => {
    if (readers === "admin" && !contextOf(request).caller.isAdmin) {
      throw new GatewayError("FORBIDDEN", "only the admin key may read the metrics");
    }
    if (readers === "loopback" && !isFromThisMachine(request)) {
      const message =
        "only programs on this machine may read the metrics, without a proxy; set PICTOGRAPH_METRICS_PORT to serve them to others";
      throw new GatewayError("FORBIDDEN", message);
    }
    const text = await metrics.read();
    response.setHeader("Cache-Control", "no-store").setHeader("Content-Type", metrics.contentType).end(text);
  });
  router.all(METRICS_PATH, refuseOtherMethods);
  return { router };
}

function isFromThisMachine({ socket, headers }: Request): boolean {
  return isLoopback(socket.remoteAddress ?? "") && !Object.keys(headers).some((name) => PROXY_HEADERS.test(name));
}
