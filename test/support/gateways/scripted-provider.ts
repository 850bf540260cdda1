import sharp from "sharp";
import type {
  GenerateRequest,
  ImageProvider,
  ModelDescription,
  ProviderEvent,
} from "../../../src/ports/image-provider.ts";

export const SCRIPTED_MODEL: ModelDescription = {
  id: "scripted-1",
  provider: "scripted",
  operations: ["GENERATE"],
  maxImages: 10,
  sizes: { kind: "bounds", multipleOf: 16, minSide: 64, maxLongSide: 3840, minPixels: 655_360, maxPixels: 8_294_400 },
  formats: ["PNG", "JPEG", "WEBP"],
  qualities: ["AUTO", "LOW", "MEDIUM", "HIGH"],
  backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"],
  hasSeed: false,
  maxPromptLength: 32_000,
  moderated: ["GENERATE"],
};

export type Script = (request: GenerateRequest, signal: AbortSignal) => AsyncIterable<ProviderEvent>;

/** A real provider scripted by a test: it records its requests and plays its script. */
export class ScriptedProvider implements ImageProvider {
  readonly name = "scripted";
  readonly models: readonly ModelDescription[];
  readonly requests: GenerateRequest[] = [];
  script: Script = makeImages;

  constructor(models: readonly ModelDescription[] = [SCRIPTED_MODEL]) {
    this.models = models;
  }

  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<ProviderEvent> {
    this.requests.push(request);
    return this.script(request, signal);
  }

  async close(): Promise<void> {}
}

/** Answers every request as asked, with a plain colour for each index. */
export async function* makeImages({ n, size, format }: GenerateRequest): AsyncIterable<ProviderEvent> {
  for (let index = 0; index < n; index++) {
    yield { type: "image", index, bytes: once(await plainImage(size.width, size.height, index, format)) };
  }
}

export function plainImage(width: number, height: number, index: number, format: string): Promise<Buffer> {
  const background = { r: 20 * index, g: 200 - 15 * index, b: 90 };
  return sharp({ create: { width, height, channels: 3, background } })
    .toFormat(format.toLowerCase() as "png")
    .toBuffer();
}

export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
