/** Pictograph in an existing Express app, below a prefix: `npx node examples/express-app.ts` */
import express from "express";
import { createGateway } from "pictograph";

const gateway = await createGateway({ dataDir: "./data/example" });

const app = express();
app.use(express.json());
app.get("/", (_request, response) => {
  response.send("the host's own page");
});
app.use("/pictures", gateway.app);

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  const { port } = server.address() as { port: number };
  console.log(`http://localhost:${port}/pictures/graphql`);
});
// For subscriptions over WebSockets.
server.on("upgrade", gateway.handleUpgrade);

process.once("SIGTERM", async () => {
  server.close();
  await gateway.close();
});
