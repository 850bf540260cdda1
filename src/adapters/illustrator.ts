import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Piscina } from "piscina";
import { GatewayError } from "../errors.ts";
import type { Drawing, Drawn, Stage } from "../illustrator/draw.ts";
import type { Retouching } from "../illustrator/retouch.ts";
import { readSources } from "../illustrator/sources.ts";
import { toXmpText } from "../ports/digital-source.ts";
import type { PixelBox, Pixels } from "../ports/image-codec.ts";
import type {
  Background,
  EditSources,
  GenerateRequest,
  ImageProvider,
  ModelDescription,
  OriginStep,
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

/** The stages that are shown as previews, by the number of requested previews. */
const PREVIEW_STAGES: readonly (readonly Stage[])[] = [
  [],
  ["subjects"],
  ["backdrop", "subjects"],
  ["backdrop", "subjects", "weather"],
];

/** The most threads that draw. More would only take more memory: one picture takes about a tenth of a second. */
const MAX_THREADS = Math.max(1, Math.min(3, availableParallelism() - 1));

/** How long an idle thread lives, so that its memory is freed. */
const IDLE_TIMEOUT_MS = 60_000;

const CHUNK_BYTES = 64 * 1024;

export interface IllustratorOptions {
  /** Decodes the images of an edit. */
  readonly decode: (image: SourceImage, box: PixelBox) => Promise<Pixels>;
}

/**
 * Creates the embedded provider. It draws pictures from the words of a prompt, without a model, a key or a network. It
 * does not pretend to be an artificial intelligence. It exists so that everything works in the first minute.
 *
 * To edit one of its own pictures, it draws that picture again with the changes of the prompt. It retouches all other
 * images: it draws over them, replaces their background or changes their light, as the prompt says. Warnings name what
 * a prompt mentions and the picture does not show.
 *
 * Pictures are PNG and depend only on the request: the same request gives the same bytes with the same version on the
 * same platform. Worker threads draw. They start with the first picture and end when idle.
 */
export function createIllustrator({ decode }: IllustratorOptions): ImageProvider {
  const pool = new Piscina<Drawing | Retouching, Drawn>({
    filename: new URL(`../illustrator/draw-worker${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: MAX_THREADS,
    idleTimeout: IDLE_TIMEOUT_MS,
    concurrentTasksPerWorker: 1,
    // A thread that blocks its event loop while it waits for work never frees the native memory of finished pictures.
    atomics: "disabled",
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });

  const draw = async (drawing: Drawing | Retouching, signal: AbortSignal): Promise<Drawn> => {
    signal.throwIfAborted();
    try {
      return await pool.run(drawing, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw failedTo("draw this picture", error);
    }
  };

  return {
    name: ILLUSTRATOR_NAME,
    models: [MODEL],
    async *generate(request, signal): AsyncGenerator<ProviderEvent> {
      const abandoned = new AbortController();
      const stop = AbortSignal.any([signal, abandoned.signal]);
      stop.throwIfAborted();
      const toDrawing = await prepare(request, decode);
      const steps = stepsOf(request);
      const waiting = [...steps];
      const drawnAhead: Promise<Drawn>[] = [];
      const drawAhead = () => {
        for (const step of waiting.splice(0, MAX_THREADS - drawnAhead.length)) {
          const drawing = draw(toDrawing(step), stop);
          drawing.catch(() => undefined);
          drawnAhead.push(drawing);
        }
      };
      const reported = new Set<string>();
      try {
        for (const { index, partialIndex } of steps) {
          drawAhead();
          const drawn = await drawnAhead.shift();
          if (drawn === undefined) return;
          drawAhead();
          const bytes = chunksOf(drawn.png);
          if (partialIndex !== undefined) {
            yield { type: "partial", index, partialIndex, bytes };
            continue;
          }
          const warnings = drawn.notes.filter(({ message }) => !reported.has(message));
          for (const { message } of warnings) reported.add(message);
          yield { type: "image", index, bytes, ...(warnings.length > 0 && { warnings }) };
        }
      } finally {
        abandoned.abort();
      }
    },
    close: () => pool.destroy(),
  };
}

/** One drawing: an image or a preview. */
interface Step {
  readonly index: number;
  readonly stage: Stage;
  /** `undefined` for the image itself. */
  readonly partialIndex: number | undefined;
}

function stepsOf({ n, partialImages }: GenerateRequest): Step[] {
  const stages = PREVIEW_STAGES[Math.min(partialImages, PREVIEW_STAGES.length - 1)] ?? [];
  return Array.from({ length: n }, (_, index): Step[] => [
    ...stages.map((stage, partialIndex) => ({ index, stage, partialIndex })),
    { index, stage: "finish", partialIndex: undefined },
  ]).flat();
}

/** Reads the images of an edit, once for all its pictures. Returns a function that describes how to draw each step. */
async function prepare(
  request: GenerateRequest,
  decode: IllustratorOptions["decode"],
): Promise<(step: Step) => Drawing | Retouching> {
  const { prompt, seed, size, background, edit } = request;
  const { width, height } = size;
  const metadata = toXmpText(edit ? "compositeSynthetic" : "algorithmicMedia");
  const isTransparent = background === "TRANSPARENT";
  const common = ({ stage }: Step) => ({ width, height, stage, metadata, isTransparent });
  if (!edit) return (step) => ({ ...common(step), prompt, seed, index: step.index });
  try {
    const origin = await ownOrigin(edit);
    const isWithoutPixels = origin !== undefined && !edit.mask && edit.images.length === 1;
    const sources = isWithoutPixels ? undefined : await readSources(edit, size, background === "OPAQUE", decode);
    const [first, ...earlier] = origin ?? [];
    if (first === undefined) return (step) => ({ ...common(step), prompt, seed, index: step.index, sources });
    return (step) => ({
      ...common(step),
      ...toStep(first),
      edits: [...earlier.map(toStep), { prompt, seed, index: step.index }],
      isTransparent: [...(origin ?? []), request].reduce(staysTransparent, false),
      ...(sources && { sources }),
      ...(edit.mask && { sceneSize: origin?.at(-1)?.size }),
    });
  } catch (error) {
    throw failedTo("read the images", error);
  }
}

/** Returns how the first image was made, if the illustrator made it and all its edits; otherwise `undefined`. */
async function ownOrigin({ images: [image] }: EditSources): Promise<readonly OriginStep[] | undefined> {
  const origin = await image?.origin?.();
  return origin?.every(({ model }) => model === ILLUSTRATOR_MODEL) ? origin : undefined;
}

const toStep = ({ prompt, seed, index }: OriginStep) => ({ prompt, seed, index });

/** With `AUTO`, an edit keeps the background as it was. */
function staysTransparent(before: boolean, { background }: { readonly background: Background }): boolean {
  return background === "AUTO" ? before : background === "TRANSPARENT";
}

function failedTo(what: string, cause: unknown): GatewayError {
  return new GatewayError("INTERNAL", `the illustrator could not ${what}`, { billed: "NO", cause });
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}
