import { describe, expect, test } from "@jest/globals";
import type { GatewayError } from "../../../src/errors.ts";
import { FITS } from "../../../src/ports/image-codec.ts";
import { IMAGE_FORMATS } from "../../../src/ports/image-provider.ts";
import type { Image } from "../../../src/ports/records.ts";
import { ImageLinks, type LinkOptions, type LinkTarget } from "../../../src/service/images/image-links.ts";

const IMAGE: Image = {
  id: "img_01kan5qsv4fj7r6y8m2q4w0e1t",
  generationId: "gen_01kan5qsv4fj7r6y8m2q4w0e1a",
  projectId: "proj_public",
  index: 0,
  key: "gen_1/img_1/original",
  originalKey: "gen_1/img_1/original",
  width: 1536,
  height: 1024,
  format: "PNG",
  byteSize: 1,
  sha256: "0".repeat(64),
  placeholder: "data:image/webp;base64,",
  createdAt: new Date("2026-11-22T10:00:00Z"),
};
const NOW = new Date("2026-11-22T10:00:00.400Z");
const NOW_SECONDS = Math.floor(NOW.getTime() / 1000);

function linksAt(now: Date, secret = "a secret of the tests", ttlSeconds = 7200): ImageLinks {
  return new ImageLinks([secret], ttlSeconds, () => now);
}

function refusalOf(act: () => unknown): GatewayError {
  try {
    act();
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error("nothing was refused");
}

describe("an image's URL", () => {
  test("names the image, its format and its expiry, and has a signature", () => {
    expect(linksAt(NOW).sign(IMAGE)).toMatch(
      new RegExp(String.raw`^/images/${IMAGE.id}\.png\?expires=${NOW_SECONDS + 7200}&signature=[A-Za-z0-9_-]{43}$`),
    );
  });

  test("means the stored image", () => {
    const links = linksAt(NOW);

    expect(links.verify(links.sign(IMAGE))).toEqual({ imageId: IMAGE.id, rendition: undefined, secondsLeft: 7200 });
  });

  test.each<[string, LinkOptions]>([
    ["its own size", { width: 1536, height: 1024 }],
    ["its own width", { width: 1536 }],
    ["its own height and format", { height: 1024, format: "PNG" }],
    ["a fit without a size", { fit: "INSIDE" }],
  ])("with %s means the stored image", (_what, options) => {
    const links = linksAt(NOW);

    expect(links.sign(IMAGE, options)).toBe(links.sign(IMAGE));
  });

  const boxes: readonly LinkOptions[] = [
    { width: 1 },
    { height: 1 },
    { width: 3840, height: 3840 },
    { width: 640, height: 480 },
    { format: "WEBP" },
  ];

  test.each(boxes)("with %j means exactly the requested derivative", (box) => {
    const links = linksAt(NOW);
    for (const fit of FITS) {
      for (const format of box.format ? [box.format] : IMAGE_FORMATS) {
        for (const quality of [undefined, 1, 100]) {
          const target = links.verify(links.sign(IMAGE, { ...box, fit, format, quality }));
          if (!("rendition" in target) || target.rendition === "original") throw new Error("it is no rendition");
          const { imageId, rendition } = target;
          expect(imageId).toBe(IMAGE.id);
          expect(rendition).toMatchObject({ width: box.width, height: box.height, format });
          expect(rendition?.quality).toBe(format === "PNG" ? undefined : quality);
          // With only one side there is no box to fit into.
          if (box.width && box.height) expect(rendition?.fit).toBe(fit);
        }
      }
    }
  });

  test("with original means the original, under its own name if another file is delivered", () => {
    const links = linksAt(NOW);
    const converted = {
      ...IMAGE,
      key: "gen_1/img_1/delivered",
      provenance: {
        digitalSourceType: "trainedAlgorithmicMedia",
        hasContentCredentials: true,
        originalFormat: "WEBP",
      },
    } as const;
    const url = links.sign(converted, { original: true });

    expect(url).toMatch(new RegExp(`^/images/${IMAGE.id}/original\\.webp\\?expires=`));
    expect(links.verify(url)).toEqual({ imageId: IMAGE.id, rendition: "original", secondsLeft: 7200 });
    expect(links.sign(IMAGE, { original: true })).toBe(links.sign(IMAGE));
    expect(links.sign(converted, { original: false })).toBe(links.sign(converted));
  });

  test("of a preview means exactly that preview", () => {
    const links = linksAt(NOW);
    const url = links.signPreview(IMAGE.generationId, { imageIndex: 9, partialIndex: 2 });

    expect(url).toMatch(new RegExp(`^/images/${IMAGE.generationId}/preview-9-2\\.webp\\?expires=`));
    expect(links.verify(url)).toEqual({
      generationId: IMAGE.generationId,
      preview: { imageIndex: 9, partialIndex: 2 },
      secondsLeft: expect.any(Number),
    });
    expect(() => links.verify(url.replace("9-2", "9-1"))).toThrow("signature");
  });

  test("has a different path for each derivative, and the same path for the same one", () => {
    const links = linksAt(NOW);
    const pathOf = (options: LinkOptions) => links.sign(IMAGE, options).split("?")[0];
    const options: LinkOptions[] = [];
    for (const box of [...boxes, { width: 1, height: 11 }, { width: 11, height: 1 }]) {
      for (const format of ["JPEG", "WEBP"] as const) {
        for (const quality of [undefined, 8, 80]) options.push({ ...box, format, quality });
      }
    }
    for (const fit of ["CONTAIN", "INSIDE", "FILL"] as const) options.push({ width: 640, height: 480, fit });
    const distinct = new Set(options.map((one) => JSON.stringify({ ...one, fit: one.fit ?? "COVER" })));

    expect(new Set(options.map(pathOf)).size).toBe(distinct.size);
    expect(options.map(pathOf)).toEqual(options.map(pathOf));
  });

  test.each<[string, LinkOptions]>([
    ["width", { width: 0 }],
    ["width", { width: -1 }],
    ["width", { width: 3841 }],
    ["width", { width: 1.5 }],
    ["width", { width: Number.NaN }],
    ["height", { height: 0 }],
    ["height", { height: 3841 }],
    ["height", { height: 3840 }],
    ["quality", { quality: 0, format: "JPEG" }],
    ["quality", { quality: 101, format: "JPEG" }],
    ["quality", { quality: 80.5, format: "WEBP" }],
    ["expiresIn", { expiresIn: 59 }],
    ["expiresIn", { expiresIn: 604_801 }],
    ["expiresIn", { expiresIn: 60.5 }],
    ["expiresIn", { expiresIn: 0 }],
    ["expiresIn", { expiresIn: -7200 }],
  ])("is refused with the field %s for %j", (field, options) => {
    expect(refusalOf(() => linksAt(NOW).sign(IMAGE, options))).toMatchObject({
      code: "BAD_USER_INPUT",
      details: { field },
    });
  });

  test("may lead to the maximum height, but not above, if the height follows from the width", () => {
    const tall: Image = { ...IMAGE, width: 500, height: 1500 };

    expect(linksAt(NOW).sign(tall, { width: 1280 })).toContain("/1280x-cover.png?");
    expect(refusalOf(() => linksAt(NOW).sign(tall, { width: 1281 }))).toMatchObject({ details: { field: "width" } });
  });

  test.each([
    [60, 60],
    [61, 90],
    [7200, 7200],
    [7201, 7500],
    [604_800, 604_800],
  ])("requested for %i seconds lives that long, or a little longer", (expiresIn, lifeSeconds) => {
    const url = linksAt(NOW).sign(IMAGE, { expiresIn });
    const end = (NOW_SECONDS + lifeSeconds) * 1000;

    expect(linksAt(new Date(end - 1)).verify(url).secondsLeft).toBe(1);
    for (const late of [end, end + 1, end + 86_400_000]) {
      const refusal = refusalOf(() => linksAt(new Date(late)).verify(url));
      expect(refusal).toMatchObject({ code: "FORBIDDEN" });
      expect(refusal.message).toContain(`expired at ${new Date(end).toISOString()}`);
    }
  });

  test("lives as long as the gateway's setting", () => {
    const links = linksAt(NOW, "a secret of the tests", 90);

    expect(links.verify(links.sign(IMAGE)).secondsLeft).toBe(90);
  });
});

describe("a changed image URL", () => {
  const links = linksAt(NOW);
  const url = links.sign(IMAGE, { width: 640, format: "WEBP", quality: 80 });

  function expectRefused(changed: string): void {
    let target: LinkTarget | undefined;
    let refusal: GatewayError | undefined;
    try {
      target = links.verify(changed);
    } catch (error) {
      refusal = error as GatewayError;
    }
    expect({ changed, target, code: refusal?.code }).toEqual({ changed, target: undefined, code: "FORBIDDEN" });
  }

  test("with any one character replaced is refused", () => {
    for (let place = 0; place < url.length; place++) {
      for (const character of ["A", "a", "0", "1", "-", "_", "/", ".", "&", "=", "?", "%", "é", "\0", " ", "\n"]) {
        if (url[place] === character) continue;
        expectRefused(url.slice(0, place) + character + url.slice(place + 1));
      }
    }
  });

  test("with any one character removed, doubled or added is refused", () => {
    for (let place = 0; place <= url.length; place++) {
      if (place < url.length) {
        expectRefused(url.slice(0, place) + url.slice(place + 1));
        expectRefused(url.slice(0, place) + url[place] + url.slice(place));
      }
      expectRefused(`${url.slice(0, place)}x${url.slice(place)}`);
    }
  });

  test("cut short anywhere is refused", () => {
    for (let length = 0; length < url.length; length++) expectRefused(url.slice(0, length));
  });

  test("with another expiry, image, derivative or order is refused", () => {
    const other = links.sign({ ...IMAGE, id: "img_other" });
    const signature = url.slice(url.indexOf("&signature="));
    expectRefused(url.replace(/expires=(\d+)/, (_, end) => `expires=${Number(end) + 1}`));
    expectRefused(url.replace(/expires=(\d+)/, (_, end) => `expires=${Number(end) - 1}`));
    expectRefused(url.replace(/expires=(\d+)/, (_, end) => `expires=0${end}`));
    expectRefused(other.slice(0, other.indexOf("&signature=")) + signature);
    expectRefused(url.replace("640x", "641x"));
    expectRefused(url.replace("-q80", ""));
    expectRefused(url.replace(".webp", ".png"));
    expectRefused(url.replace(/\?(.*)&(signature=.*)$/, "?$2&$1"));
    expectRefused(`${url}&signature=`);
    expectRefused(`${url}${signature}`);
    expectRefused(`${url}&expires=9999999999`);
    expectRefused(`/images/../images/${url.slice("/images/".length)}`);
    expectRefused(`http://localhost${url}`);
    expectRefused(encodeURI(`${url}%20`));
  });

  test.each([
    "",
    "/",
    "/images/",
    "/images/img_1.png",
    "/images/../../etc/passwd",
    "/images/x?signature=y",
    "&signature=",
  ])("or other text, such as %j, is refused", (text) => expectRefused(text));

  test("with the signature of another secret is refused", () => {
    expectRefused(linksAt(NOW, "another secret of the tests").sign(IMAGE));
  });

  test("is refused as changed even after it has expired", () => {
    const late = linksAt(new Date("2030-01-01T00:00:00Z"));

    expect(refusalOf(() => late.verify(url)).message).toContain("expired");
    expect(refusalOf(() => late.verify(url.slice(0, -1))).message).not.toContain("expired");
  });
});
