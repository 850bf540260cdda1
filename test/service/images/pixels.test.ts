import { describe, expect, test } from "@jest/globals";
import { IMAGE_FORMATS } from "../../../src/ports/image-provider.ts";
import { formatOf } from "../../../src/service/images/pixels.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";

describe("formatOf", () => {
  test.each(IMAGE_FORMATS)("recognizes %s by its first bytes", async (format) => {
    expect(formatOf(await plainImage(16, 16, 0, format))).toBe(format);
    expect(formatOf((await plainImage(16, 16, 0, format)).subarray(0, 12))).toBe(format);
  });

  test.each<[string, Uint8Array | string]>([
    ["nothing", ""],
    ["a text", "This is no image."],
    ["HTML", "<!doctype html><title>502</title>"],
    ["SVG", `<svg xmlns="http://www.w3.org/2000/svg"/>`],
    ["GIF", "GIF89a\x01\x00\x01\x00\x00"],
    ["BMP", "BM\x00\x00\x00\x00"],
    ["TIFF", "II*\x00\x08\x00\x00\x00"],
    ["a WAV", "RIFF\x24\x00\x00\x00WAVE"],
    ["an MP4", "\x00\x00\x00\x18ftypisom"],
    ["half of PNG's mark", "\x89PNG"],
    ["half of AVIF's mark", "\x00\x00\x00\x18ftyp"],
  ])("does not recognize %s as an image", (_what, head) => {
    expect(formatOf(typeof head === "string" ? Buffer.from(head, "latin1") : head)).toBeUndefined();
  });
});
