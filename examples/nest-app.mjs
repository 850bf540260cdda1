/** Pictograph in a Nest app, below a prefix. It needs `@nestjs/core`, `@nestjs/common` and `@nestjs/platform-express`. */
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { createGateway } from "pictograph";

class AppModule {}
Module({})(AppModule);

const gateway = await createGateway({ dataDir: "./data/example" });
const app = await NestFactory.create(AppModule, { logger: false });
app.use("/pictures", gateway.app);
// For subscriptions over WebSockets.
app.getHttpServer().on("upgrade", gateway.handleUpgrade);

await app.listen(Number(process.env.PORT ?? 3000));
console.log(`http://localhost:${app.getHttpServer().address().port}/pictures/graphql`);

process.once("SIGTERM", async () => {
  await app.close();
  await gateway.close();
});
