import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import express from "express";
import { pino } from "pino";
import { createApp } from "../../../src/api/http/app.ts";
import { type Health, healthRoutes } from "../../../src/api/http/health/health.ts";
import { type HttpServer, listen } from "../../../src/api/http/server.ts";
import { appOptions } from "../../support/gateways/app-options.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { OUR_TIMERS } from "../../support/our-timers.ts";

async function ask(url: string, path: string) {
  const response = await fetch(url + path);
  return {
    status: response.status,
    cache: response.headers.get("cache-control"),
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe("a gateway", () => {
  let gateway: ScriptedGateway;

  beforeEach(async () => {
    gateway = await startScriptedGateway();
  });

  afterEach(() => gateway.close());

  test("that works is alive and ready, in answers that are not cached", async () => {
    expect(await ask(gateway.url, "/healthz")).toEqual({ status: 200, cache: "no-store", body: { status: "ok" } });
    expect(await ask(gateway.url, "/readyz")).toEqual({
      status: 200,
      cache: "no-store",
      body: { status: "ok", checks: { store: "ok", storage: "ok" } },
    });
  });

  test("that cannot reach its images is alive but not ready, and says why without details", async () => {
    await rm(join(gateway.dataDir, "images"), { recursive: true });

    expect((await ask(gateway.url, "/healthz")).status).toBe(200);
    const { status, body } = await ask(gateway.url, "/readyz");
    expect(status).toBe(503);
    expect(body).toEqual({ status: "failed", checks: { store: "ok", storage: "failed" } });
  });

  test("that drains is alive but not ready, while running generations continue", async () => {
    const hold = holdCalls(gateway.provider);
    const generate = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { status } }`;
    const answer = gateway.graphql(generate);
    await hold.called;
    const drained = gateway.gateway.drain(60_000);

    expect((await ask(gateway.url, "/healthz")).status).toBe(200);
    const { status, body } = await ask(gateway.url, "/readyz");
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: "draining" });
    const refused = await gateway.graphql(generate);
    expect(refused.body.errors?.[0]?.extensions).toMatchObject({ code: "OVERLOADED" });

    hold.release();
    await drained;
    expect((await answer).body.data).toEqual({ generateImages: { status: "SUCCEEDED" } });
  });
});

describe("readiness", () => {
  let server: HttpServer;
  let health: Health;
  const check = jest.fn<() => Promise<void>>();
  let lines: string[];
  let onLine: (line: string) => unknown;

  beforeEach(async () => {
    health = { isStopping: () => false, checks: { store: check, storage: async () => {} } };
    server = await listen("127.0.0.1", 0);
    lines = [];
    onLine = () => {};
    const write = (line: string) => {
      lines.push(line);
      onLine(line);
    };
    const logger = pino({ level: "info" }, { write });
    const app = createApp([healthRoutes(health)], appOptions({ logger }));
    await server.serve(express().use(app));
  });

  afterEach(async () => {
    server.stopAccepting();
    await server.close();
  });

  test("returns when the failed part works again", async () => {
    check.mockRejectedValueOnce(new Error("postgres://user:password@host is away")).mockResolvedValue();
    const failed = await ask(server.url, "/readyz");

    expect(failed).toMatchObject({ status: 503, body: { checks: { store: "failed", storage: "ok" } } });
    expect(JSON.stringify(failed.body)).not.toContain("password");
    expect(await ask(server.url, "/readyz")).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test("is logged only when something is wrong", async () => {
    check.mockResolvedValueOnce().mockRejectedValueOnce(new Error("it is away"));
    await ask(server.url, "/healthz");
    await ask(server.url, "/readyz");
    expect(lines).toEqual([]);

    const logged = Promise.withResolvers<void>();
    onLine = (line) => line.includes("request answered") && logged.resolve();
    await ask(server.url, "/readyz");
    await logged.promise;
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, check: "store", msg: "not ready" },
      { level: 30, path: "/readyz", status: 503 },
    ]);
  });

  test("does not wait forever for a part that never answers", async () => {
    const asked = Promise.withResolvers<void>();
    check.mockImplementationOnce(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    jest.useFakeTimers(OUR_TIMERS);
    try {
      const answer = ask(server.url, "/readyz");
      await asked.promise;
      jest.advanceTimersByTime(2000);

      expect(await answer).toMatchObject({ status: 503, body: { checks: { store: "failed" } } });
    } finally {
      jest.useRealTimers();
    }
  });
});
