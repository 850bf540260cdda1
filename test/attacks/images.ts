import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { pngChunk, pngOf, zipBomb } from "../support/images/source-images.ts";
import { type Attack, ask, askForm, type Scale, toForm } from "./attack.ts";

const EDIT = `mutation ($file: Upload!) {
  editImages(input: { prompt: "a hat", images: [{ upload: $file }], size: "64x64", waitSeconds: 100 }) {
    status failure { code }
  }
}`;
const ROWS = Buffer.alloc((64 * 3 + 1) * 64);

/** Edits a hostile image: uploaded over GraphQL, by a form of any page, and as a `data:` URL. */
function imageAttack(name: string, toImage: (scale: Scale) => Buffer | Promise<Buffer>): Attack {
  return {
    name: `image: ${name}`,
    run: async (target, scale) => {
      const image = await toImage(scale);
      const graph = await askForm(
        target,
        "/graphql",
        toForm({ query: EDIT, variables: { file: null } }, '{"f":["variables.file"]}', { f: image }),
      );
      const form = new FormData();
      for (const [field, value] of [
        ["prompt", "a hat"],
        ["response_format", "url"],
        ["size", "64x64"],
      ] as const) {
        form.set(field, value);
      }
      form.set("image", new Blob([new Uint8Array(image)], { type: "image/png" }), "a.png");
      const page = await askForm(target, "/v1/images/edits", form, {});
      if (image.length > 700_000) return [graph, page];
      const body = JSON.stringify({
        prompt: "a hat",
        size: "64x64",
        images: [{ image_url: `data:image/png;base64,${image.toString("base64")}` }],
      });
      const headers = { "Content-Type": "application/json" };
      return [graph, page, await ask(target, "/v1/images/edits", { method: "POST", headers, body })];
    },
    // Refused, or edited without anything that the file contains besides its pixels.
    expected: /^(200|(400|413|422) [A-Za-z_]+|200 BAD_USER_INPUT|503 OVERLOADED)$/i,
  };
}

/** Images that are small to send and large to decode. */
export const IMAGE_ATTACKS: readonly Attack[] = [
  ...(["zTXt", "iTXt", "iCCP"] as const).map((kind) =>
    imageAttack(`compressed ${kind} chunks`, (scale) => {
      const [count, megabytes] = scale === "full" ? [20, 50] : [2, 5];
      const packed = deflateSync(Buffer.alloc(megabytes * 1_000_000, 0x41), { level: 9 });
      const head = kind === "iTXt" ? "\0\x01\0\0\0" : "\0\0";
      const chunks = Array.from({ length: count }, (_, index) =>
        pngChunk(kind, Buffer.concat([Buffer.from(`k${index}${head}`, "latin1"), packed])),
      );
      return pngOf(64, 64, ROWS, ...chunks);
    }),
  ),
  imageAttack("very many chunks", (scale) => {
    const empty = pngChunk("teXt", Buffer.alloc(0));
    const count = scale === "full" ? 500_000 : 5_000;
    return pngOf(64, 64, ROWS, Buffer.alloc(count * empty.length, empty));
  }),
  imageAttack("pixels that its header promises", () => zipBomb()),
  imageAttack("interlaced rows of sixteen bits", async (scale) => {
    const side = scale === "full" ? 5_000 : 500;
    const create = { width: side, height: side, channels: 3, background: "#345678" } as const;
    return sharp({ create }).toColourspace("rgb16").png({ progressive: true, compressionLevel: 9 }).toBuffer();
  }),
  imageAttack("a JPEG of application segments", async (scale) => {
    const jpeg = await sharp(pngOf(64, 64, ROWS))
      .jpeg()
      .toBuffer();
    const segment = Buffer.alloc(65_535 + 2, 0x41);
    segment.set([0xff, 0xe2, 0xff, 0xff]);
    segment.write("ICC_PROFILE\0\x01\xff", 4, "latin1");
    const count = scale === "full" ? 700 : 20;
    return Buffer.concat([jpeg.subarray(0, 2), ...Array.from({ length: count }, () => segment), jpeg.subarray(2)]);
  }),
  imageAttack("a WebP with a giant profile", async (scale) => {
    const webp = await sharp(pngOf(64, 64, ROWS))
      .webp({ lossless: true })
      .keepIccProfile()
      .toBuffer();
    const profile = Buffer.alloc(8 + (scale === "full" ? 40_000_000 : 2_000_000), 0x41);
    profile.write("ICCP", 0, "latin1");
    profile.writeUInt32LE(profile.length - 8, 4);
    const head = Buffer.from(webp.subarray(0, 12));
    head.writeUInt32LE(webp.length - 8 + profile.length, 4);
    return Buffer.concat([head, profile, webp.subarray(12)]);
  }),
  imageAttack("a file that is cut short", async () => {
    const png = await sharp({ create: { width: 900, height: 900, channels: 3, background: "#123456" } })
      .png()
      .toBuffer();
    return png.subarray(0, png.length >> 1);
  }),
];
