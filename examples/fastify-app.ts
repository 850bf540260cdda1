/** Pictograph in a Fastify app, below a prefix: `npx node examples/fastify-app.ts` */
import express from "express";
import Fastify from "fastify";
import { createGateway } from "pictograph";

const gateway = await createGateway({ dataDir: "./data/example" });
const pictures = express().use("/pictures", gateway.app);

const app = Fastify();
app.get("/", async () => "the host's own page");
await app.register(async (scope) => {
  // The gateway itself reads the bodies.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/pictures/*", (request, reply) => {
    reply.hijack();
    pictures(request.raw, reply.raw);
  });
});
// For subscriptions over WebSockets.
app.server.on("upgrade", gateway.handleUpgrade);

await app.listen({ port: Number(process.env.PORT ?? 3000) });
const { port } = app.server.address() as { port: number };
console.log(`http://localhost:${port}/pictures/graphql`);

process.once("SIGTERM", async () => {
  await app.close();
  await gateway.close();
});
