import { type RequestHandler, Router } from "express";
import type { Routes } from "../app.ts";
import { refuseOtherMethods } from "../other-methods.ts";
import { contextOf } from "../request-context.ts";
import { LIVENESS_PATH, READINESS_PATH } from "./probes.ts";

/** The state that health checks report to load balancers. */
export interface Health {
  /** Whether the gateway was told to stop and takes no more traffic. */
  isStopping(): boolean;
  /** The checks by name. Each resolves when its part of the gateway works. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
}

/** A check that takes longer than this counts as failed. */
const CHECK_MS = 2_000;

/**
 * Creates the routes of the health checks. `GET /healthz`: the process is alive. `GET /readyz`: it can take traffic,
 * else 503.
 */
export function healthRoutes(health: Health): Routes {
  const router = Router();
  router.get(LIVENESS_PATH, (_request, response) => {
    response.setHeader("Cache-Control", "no-store").json({ status: "ok" });
  });
  router.get(READINESS_PATH, answerReadiness(health));
  router.all([LIVENESS_PATH, READINESS_PATH], refuseOtherMethods);
  return { router, isPublic: true };
}

function answerReadiness(health: Health): RequestHandler {
  return async (request, response) => {
    const checks = await Promise.all(
      Object.entries(health.checks).map(async ([name, check]) => {
        try {
          await within(CHECK_MS, check());
          return [name, "ok"];
        } catch (error) {
          contextOf(request).logger.warn({ err: error, check: name }, "not ready");
          return [name, "failed"];
        }
      }),
    );
    const isStopping = health.isStopping();
    const isReady = !isStopping && checks.every(([, state]) => state === "ok");
    const status = isStopping ? "draining" : isReady ? "ok" : "failed";
    response.status(isReady ? 200 : 503).setHeader("Cache-Control", "no-store");
    response.json({ status, checks: Object.fromEntries(checks) });
  };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("the check took too long")), ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
