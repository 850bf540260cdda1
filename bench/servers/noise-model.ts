import { once } from "node:events";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import sharp from "sharp";

/** A signed URL of an image, or of a derivative. */
export async function linkTo(gatewayUrl: string, id: string, options: string): Promise<string> {
  const query = `{ image(id: "${id}") { url(${options}) } }`;
  const { image } = await ask(gatewayUrl, query);
  return image.url;
}

/** Runs a GraphQL operation. @throws Error when it has errors */
export async function ask(gatewayUrl: string, query: string) {
  const response = await fetch(`${gatewayUrl}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the query asks for
  const { data, errors } = (await response.json()) as any;
  if (errors) throw new Error(errors[0].message);
  return data;
}

/** @throws Error unless the answer is an image */
export async function load(url: string): Promise<Buffer> {
  const [response] = await once(get(url), "response");
  if (response.statusCode !== 200) throw new Error(`an image was answered with ${response.statusCode}`);
  return buffer(response);
}

/** A provider whose pictures are noise. It implements as much of OpenAI's Images API as is needed to store an image. */
export class NoiseModel {
  readonly #server: Server;
  #picture: Buffer = Buffer.alloc(0);

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume().on("end", () => {
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify({ created: 0, data: [{ b64_json: this.#picture.toString("base64") }] }));
      });
    });
  }

  /** Returns the environment of a gateway that uses this model. */
  async start(): Promise<Record<string, string>> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = this.#server.address() as AddressInfo;
    return {
      OPENAI_API_KEY: "none",
      PICTOGRAPH_DAILY_BUDGET_USD: "none",
      PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    };
  }

  /** Makes the gateway generate a picture of noise of exactly this size, whatever size it requests. */
  async draw(
    gatewayUrl: string,
    width: number,
    height = width,
  ): Promise<{ readonly id: string; readonly url: string }> {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    this.#picture = await sharp({ create: { width, height, channels: 3, background: "#000", noise } })
      .png()
      .toBuffer();
    const query = `mutation { generateImages(input: { prompt: "noise", size: "${width}x${height}" }) { images { id url } } }`;
    const { generateImages } = await ask(gatewayUrl, query);
    return generateImages.images[0];
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
