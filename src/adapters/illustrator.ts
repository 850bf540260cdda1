import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Piscina } from "piscina";
import { GatewayError } from "../errors.ts";
import type { Drawing, Stage } from "../illustrator/draw.ts";
import type { Retouching } from "../illustrator/retouch.ts";
import { readSources, type Sources } from "../illustrator/sources.ts";
import { toXmpText } from "../ports/digital-source.ts";
import type { PixelBox, Pixels } from "../ports/image-codec.ts";
import type {
  GenerateRequest,
  ImageProvider,
  ModelDescription,
  ProviderEvent,
  SourceImage,
} from "../ports/image-provider.ts";

export const ILLUSTRATOR_NAME = "illustrator";
export const ILLUSTRATOR_MODEL = "illustrator-1";

const MODEL: ModelDescription = {
  id: ILLUSTRATOR_MODEL,
  provider: ILLUSTRATOR_NAME,
  operations: ["GENERATE", "EDIT"],
  maxImages: 10,
  sizes: {
    kind: "bounds",
    multipleOf: 1,
    minSide: 64,
    maxLongSide: 3840,
    minPixels: 64 * 64,
    maxPixels: 3840 * 3840,
  },
  formats: ["PNG"],
  qualities: ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"],
  backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"],
  hasSeed: true,
  isProcedural: true,
  maxPromptLength: 32_000,
  previews: { maxPartialImages: 3, maxImages: 10 },
  priceClass: "free",
  prices: [{ from: "2022-01-01", source: "it is part of the gateway", perImage: "0" }],
};

/** Which stages are shown before an image, by the number of previews wanted. */
const PREVIEW_STAGES: readonly (readonly Stage[])[] = [
  [],
  ["subjects"],
  ["backdrop", "subjects"],
  ["backdrop", "subjects", "weather"],
];

/** Threads that draw at most. More would only hold more memory: one picture takes about a tenth of a second. */
const MAX_THREADS = Math.max(1, Math.min(3, availableParallelism() - 1));

/** An idle thread is ended after this long, and gives its memory back. */
const IDLE_TIMEOUT_MS = 60_000;

const CHUNK_BYTES = 64 * 1024;

export interface IllustratorOptions {
  /** Decodes the images of an edit. */
  readonly decode: (image: SourceImage, box: PixelBox) => Promise<Pixels>;
}

/**
 * The embedded provider: it draws pictures from the words of a prompt, without a model, a key or a network. It does
 * not pretend to be an artificial intelligence; it is there so that everything works in the first minute.
 *
 * Edits work likewise: the words say what is put into a picture, what stands behind it and in what light.
 *
 * Pictures are PNG and depend on nothing but the request: the same request gives the same bytes with the same version
 * on the same platform. All drawing happens in worker threads, which start with the first picture and end when idle.
 */
export function createIllustrator({ decode }: IllustratorOptions): ImageProvider {
  const pool = new Piscina<Drawing | Retouching, Uint8Array>({
    filename: new URL(`../illustrator/draw-worker${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: MAX_THREADS,
    idleTimeout: IDLE_TIMEOUT_MS,
    concurrentTasksPerWorker: 1,
    // A thread that waits for work without its event loop never frees the native memory of finished pictures.
    atomics: "disabled",
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });

  const read = async ({ edit, size, background }: GenerateRequest): Promise<Sources | undefined> => {
    try {
      return edit && (await readSources(edit, size, background === "OPAQUE", decode));
    } catch (error) {
      throw couldNot("read the images", error);
    }
  };

  const draw = async (drawing: Drawing | Retouching, signal: AbortSignal): Promise<Uint8Array> => {
    signal.throwIfAborted();
    try {
      return await pool.run(drawing, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw couldNot("draw this picture", error);
    }
  };

  return {
    name: ILLUSTRATOR_NAME,
    models: [MODEL],
    async *generate(request, signal): AsyncGenerator<ProviderEvent> {
      const left = new AbortController();
      const stop = AbortSignal.any([signal, left.signal]);
      const ahead: Promise<Uint8Array>[] = [];
      stop.throwIfAborted();
      const sources = await read(request);
      const steps = planOf(request);
      const waiting = [...steps];
      const drawAhead = () => {
        for (const step of waiting.splice(0, MAX_THREADS - ahead.length)) {
          const drawing = draw({ ...toDrawing(request, step), ...(sources && { sources }) }, stop);
          drawing.catch(() => undefined);
          ahead.push(drawing);
        }
      };
      try {
        for (const { index, partialIndex } of steps) {
          drawAhead();
          const png = (await ahead.shift()) ?? new Uint8Array();
          drawAhead();
          const bytes = chunksOf(png);
          yield partialIndex === undefined
            ? { type: "image", index, bytes }
            : { type: "partial", index, partialIndex, bytes };
        }
      } finally {
        left.abort();
      }
    },
    close: () => pool.destroy(),
  };
}

/** One drawing of a call. */
interface Step {
  readonly index: number;
  readonly stage: Stage;
  /** `undefined` for the image itself. */
  readonly partialIndex: number | undefined;
}

function planOf({ n, partialImages }: GenerateRequest): Step[] {
  const stages = PREVIEW_STAGES[Math.min(partialImages, PREVIEW_STAGES.length - 1)] ?? [];
  return Array.from({ length: n }, (_, index): Step[] => [
    ...stages.map((stage, partialIndex) => ({ index, stage, partialIndex })),
    { index, stage: "finish", partialIndex: undefined },
  ]).flat();
}

function toDrawing({ prompt, seed, size, background, edit }: GenerateRequest, { index, stage }: Step): Drawing {
  const { width, height } = size;
  const metadata = toXmpText(edit ? "compositeSynthetic" : "algorithmicMedia");
  return { prompt, seed, index, width, height, isTransparent: background === "TRANSPARENT", stage, metadata };
}

function couldNot(what: string, cause: unknown): GatewayError {
  return new GatewayError("INTERNAL", `the illustrator could not ${what}`, { billed: "NO", cause });
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}
