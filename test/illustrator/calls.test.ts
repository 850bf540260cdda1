import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../src/errors.ts";
import { collect, pixelsOf, request, withIllustrator } from "./pictures.ts";

describe("a call", () => {
  test("yields every image once, in order, in chunks", () =>
    withIllustrator(async (provider) => {
      const indexes: number[] = [];
      for await (const event of provider.generate(
        request("a city", { n: 3, size: { width: 900, height: 600 } }),
        new AbortController().signal,
      )) {
        if (event.type !== "image") throw new Error(`Not asked for: ${event.type}`);
        indexes.push(event.index);
        const chunks = await Array.fromAsync(event.bytes);
        expect(chunks.length).toBeGreaterThan(1);
        expect(
          Buffer.from(chunks[0] ?? [])
            .subarray(1, 4)
            .toString(),
        ).toBe("PNG");
      }
      expect(indexes).toEqual([0, 1, 2]);
    }));

  test.each([
    [1, ["partial 0", "image"]],
    [2, ["partial 0", "partial 1", "image"]],
    [3, ["partial 0", "partial 1", "partial 2", "image"]],
  ])("shows %i previews before each image", (partialImages, order) =>
    withIllustrator(async (provider) => {
      const events = await collect(provider, request("a fox in the rain", { partialImages, n: 2 }));
      const seen = (index: number) =>
        events
          .filter((event) => event.index === index)
          .map(({ type, partialIndex }) => (partialIndex === undefined ? type : `${type} ${partialIndex}`));
      expect(seen(0)).toEqual(order);
      expect(seen(1)).toEqual(order);
    }),
  );

  test("adds the subject, then the weather, then the style, from preview to image", () =>
    withIllustrator(async (provider) => {
      const isOrange = (red: number, green: number, blue: number) =>
        red > 180 && green > 70 && green < 190 && blue < 100;
      const events = await collect(provider, request("a fox in a snowy forest", { partialImages: 3, seed: 4 }));
      const [backdrop, subjects, weather, image] = await Promise.all(events.map(({ bytes }) => pixelsOf(bytes)));
      expect(backdrop?.share(isOrange)).toBe(0);
      expect(subjects?.share(isOrange)).toBeGreaterThan(0.02);
      expect(new Set(events.map(({ bytes }) => bytes.toString("base64"))).size).toBe(4);
      expect([weather?.width, image?.height]).toEqual([192, 192]);
    }));

  test("does no work once its signal has aborted, and throws the reason", () =>
    withIllustrator(async (provider) => {
      const reason = new Error("The client went away.");
      await expect(collect(provider, request("a dog"), AbortSignal.abort(reason))).rejects.toBe(reason);
    }));

  test("stops in the middle of a picture if its signal aborts, and the next call works", () =>
    withIllustrator(async (provider) => {
      const abort = new AbortController();
      const reason = new Error("The client went away.");
      const large = request("a forest, oil painting", { n: 10, size: { width: 3000, height: 3000 }, partialImages: 1 });
      const read = async (): Promise<void> => {
        for await (const { type } of provider.generate(large, abort.signal)) {
          expect(type).toBe("partial");
          // The picture with the preview is being drawn now.
          abort.abort(reason);
        }
      };
      await expect(read()).rejects.toBe(reason);
      expect(await collect(provider, request("a dog"))).toHaveLength(1);
    }));

  test("can be stopped after the first image", () =>
    withIllustrator(async (provider) => {
      for await (const event of provider.generate(request("a dog", { n: 5 }), new AbortController().signal)) {
        expect(event.type).toBe("image");
        break;
      }
      expect(await collect(provider, request("a cat"))).toHaveLength(1);
    }));

  test("for an impossible size fails with a GatewayError, billed NO", () =>
    withIllustrator(async (provider) => {
      const impossible = request("a dog", { size: { width: -1, height: -1 } });
      const error: unknown = await collect(provider, impossible).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ code: "INTERNAL", details: { billed: "NO" } });
    }));
});

test("a process exits by itself after close, and while the provider is idle", async () => {
  const module = new URL("../../src/adapters/illustrator.ts", import.meta.url).href;
  const script = (end: string) => `
    import { createIllustrator } from ${JSON.stringify(module)};
    const provider = createIllustrator({ decode: async () => {} });
    const request = ${JSON.stringify(request("a dog"))};
    for await (const event of provider.generate(request, new AbortController().signal)) {
      for await (const chunk of event.bytes) process.stdout.write(String(chunk.length > 0));
    }
    ${end}`;
  for (const end of ["await provider.close();", ""]) {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script(end)], {
      timeout: 10_000,
    });
    expect(stdout).toMatch(/^(true)+$/);
  }
});
