/** Pictograph in a Hono app on Node, below a prefix: `npx node examples/hono-app.ts` */
import { type HttpBindings, serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import express from "express";
import { Hono } from "hono";
import { createGateway } from "pictograph";

const gateway = await createGateway({ dataDir: "./data/example" });
const pictures = express().use("/pictures", gateway.app);

const app = new Hono<{ Bindings: HttpBindings }>();
app.get("/", (context) => context.text("the host's own page"));
app.all("/pictures/*", ({ env }) => {
  pictures(env.incoming, env.outgoing);
  return RESPONSE_ALREADY_SENT;
});

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`http://localhost:${port}/pictures/graphql`);
});
// For subscriptions over WebSockets.
server.on("upgrade", gateway.handleUpgrade);

process.once("SIGTERM", async () => {
  server.close();
  await gateway.close();
});
