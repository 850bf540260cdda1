import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { generateImages, graphql } from "../support/clients/graphql-client.ts";
import { type Attack, ask, type Target } from "./attack.ts";

/** Returns the URLs of a new image in this many different sizes. */
async function derivativeUrls({ url }: Target, count: number, format: string): Promise<readonly string[]> {
  const { images } = await generateImages(url, { prompt: "confetti, mosaic", size: "1200x1200" });
  const [image] = images;
  if (!image) throw new Error("the gateway made no image");
  const id = /img_\w+/.exec(image.url)?.[0];
  const urls: string[] = [];
  // One operation may select a few hundred fields.
  for (let start = 0; start < count; start += 20) {
    const fields = Array.from({ length: Math.min(20, count - start) }, (_, index) => {
      const side = 3840 - start - index;
      return `u${index}: url(width: ${side}, height: ${side}, fit: FILL, format: ${format})`;
    });
    const { data, errors } = await graphql(url, `{ image(id: "${id}") { ${fields.join(" ")} } }`);
    if (errors) throw new Error(JSON.stringify(errors));
    urls.push(...(Object.values(data.image) as string[]));
  }
  return urls;
}

export const DERIVATIVE_ATTACKS: readonly Attack[] = [
  {
    name: "derivatives that nobody reads",
    run: async (target, scale) => {
      const urls = await derivativeUrls(target, scale === "full" ? 24 : 2, "PNG");
      const sockets: Socket[] = [];
      const answers: string[] = [];
      try {
        for (const url of urls) {
          const { hostname, port, pathname, search } = new URL(url);
          const socket = connect(Number(port), hostname).on("error", () => {});
          sockets.push(socket);
          socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
          const head = await new Promise<string>((resolve) => {
            socket.once("data", (bytes) => resolve(bytes.subarray(0, 200).toString("latin1")));
            socket.once("close", () => resolve(""));
          });
          socket.pause();
          answers.push(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? "closed");
        }
        if (scale === "full") await setTimeout(10_000);
        return answers;
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
    expected: /^(200|503|closed)$/,
  },
  {
    name: "derivatives that fill the disk",
    env: { PICTOGRAPH_MAX_DERIVATIVES_MB: "50" },
    run: async (target, scale) => {
      const urls = await derivativeUrls(target, scale === "full" ? 60 : 3, "PNG");
      const answers: string[] = [];
      for (const url of urls) answers.push(await ask({ ...target, url: "" }, url));
      return answers;
    },
    expected: /^(200|503 OVERLOADED)$/,
  },
];
