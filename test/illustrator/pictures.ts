import sharp from "sharp";
import { createIllustrator } from "../../src/adapters/illustrator.ts";
import { SharpImageCodec } from "../../src/adapters/sharp/sharp-image-codec.ts";
import type { GenerateRequest, ImageProvider } from "../../src/ports/image-provider.ts";

const MAX_PIXELS = 50_000_000;

/** A request for one square picture, with the fields that a test sets. */
export function request(prompt: string, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    model: "illustrator-1",
    prompt,
    n: 1,
    size: { width: 192, height: 192 },
    quality: "AUTO",
    format: "PNG",
    background: "AUTO",
    partialImages: 0,
    ...changes,
  };
}

/** Everything that a call yields, with the bytes of each event read to the end. */
export async function collect(
  provider: ImageProvider,
  asked: GenerateRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ type: "image" | "partial"; index: number; partialIndex: number | undefined; bytes: Buffer }[]> {
  const events = [];
  for await (const event of provider.generate(asked, signal)) {
    if (event.type === "usage") throw new Error("The illustrator uses no tokens.");
    const bytes = Buffer.concat(await Array.fromAsync(event.bytes));
    const partialIndex = event.type === "partial" ? event.partialIndex : undefined;
    events.push({ type: event.type, index: event.index, partialIndex, bytes });
  }
  return events;
}

/** An illustrator and its decoder processes, which are closed with it. */
export function newIllustrator(): ImageProvider {
  const codec = new SharpImageCodec();
  const illustrator = createIllustrator({ decode: (image, box) => codec.decode(image, box, MAX_PIXELS) });
  return { ...illustrator, close: async () => void (await Promise.all([illustrator.close(), codec.close()])) };
}

/** Runs a test with its own illustrator, which is closed afterwards. */
export async function withIllustrator(test: (provider: ImageProvider) => Promise<void>): Promise<void> {
  const provider = newIllustrator();
  try {
    await test(provider);
  } finally {
    await provider.close();
  }
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Mean brightness, 0–255. */
  readonly brightness: number;
  /** The share of pixels, 0–1, whose red, green and blue pass a test. */
  share(matches: (red: number, green: number, blue: number) => boolean): number;
}

/** Decodes a picture and counts its colours. */
export async function pixelsOf(bytes: Buffer): Promise<Pixels> {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const count = info.width * info.height;
  const share = (matches: (red: number, green: number, blue: number) => boolean): number => {
    let found = 0;
    for (let position = 0; position < data.length; position += 3) {
      if (matches(data[position] ?? 0, data[position + 1] ?? 0, data[position + 2] ?? 0)) found++;
    }
    return found / count;
  };
  const brightness = data.reduce((sum, channel) => sum + channel, 0) / data.length;
  return { width: info.width, height: info.height, brightness, share };
}
