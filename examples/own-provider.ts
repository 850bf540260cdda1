/** A provider of your own: `npx node examples/own-provider.ts` */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createGateway, type ImageProvider } from "pictograph";
import sharp from "sharp";

/** Fills every image with the colour of its prompt. */
const colours: ImageProvider = {
  name: "colours",
  models: [
    {
      id: "colours-1",
      provider: "colours",
      operations: ["GENERATE"],
      maxImages: 10,
      sizes: { kind: "bounds", multipleOf: 1, minSide: 64, maxLongSide: 3840, minPixels: 4096, maxPixels: 14_745_600 },
      formats: ["PNG"],
      qualities: ["AUTO"],
      backgrounds: ["AUTO", "OPAQUE"],
      hasSeed: false,
      maxPromptLength: 1000,
    },
  ],
  async *generate({ prompt, n, size }, signal) {
    for (let index = 0; index < n; index++) {
      signal.throwIfAborted();
      const [r = 0, g = 0, b = 0] = createHash("sha256").update(`${prompt} ${index}`).digest();
      yield { type: "image", index, bytes: sharp({ create: { ...size, channels: 3, background: { r, g, b } } }).png() };
    }
  },
  close: async () => {},
};

const gateway = await createGateway({ dataDir: "./data/example", providers: [colours], defaultModel: "colours-1" });
const server = createServer(gateway.app).listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as { port: number }).port}/graphql`);
});
process.once("SIGTERM", () => gateway.close().then(() => server.close()));
