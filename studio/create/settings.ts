import { computed, effect, signal } from "@preact/signals";
import { StoredText } from "../api/storage.ts";
import { MAX_IMAGES, MAX_PREVIEWS, possibleBackground, possibleQuality } from "../dock/options.ts";
import { type Size, toText } from "../dock/sizes.ts";
import type { Background, GenerateImagesInput, ImageFormat, Quality } from "../generated/graphql.ts";
import { defaultModel, findModel, type Model } from "../state/gateway.ts";

/** What the person has chosen. A choice stays when the model cannot do it, and counts again with a model that can. */
export interface Settings {
  /** `undefined` for the gateway's default. */
  readonly model: string | undefined;
  readonly size: Size;
  readonly n: number;
  readonly quality: Quality;
  readonly format: ImageFormat;
  readonly background: Background;
  /** `undefined` for any. */
  readonly seed: number | undefined;
  readonly partialImages: number;
}

const DEFAULTS: Settings = {
  model: undefined,
  size: { width: 1024, height: 1024 },
  n: 1,
  quality: "AUTO",
  format: "PNG",
  background: "AUTO",
  seed: undefined,
  partialImages: MAX_PREVIEWS,
};

const storedSettings = new StoredText("localStorage", "settings");
const storedPrompt = new StoredText("sessionStorage", "prompt");

export const settings = signal<Settings>({ ...DEFAULTS, ...readStored() });
/** What is written in the bar. It stays in the tab, also when something fails. */
export const prompt = signal(storedPrompt.read() ?? "");

effect(() => storedSettings.write(JSON.stringify(settings.value)));
effect(() => storedPrompt.write(prompt.value));

/** The model that a click uses. */
export const model = computed<Model | undefined>(() => findModel(settings.value.model) ?? defaultModel.value);

export function choose(changes: Partial<Settings>): void {
  settings.value = { ...settings.value, ...changes };
}

/** Why the model shows no previews: never, or not of so many images. */
export type PreviewObstacle = "previews" | "previews-of-many";

export function previewObstacle({ maxPartialImages, maxImagesWithPartialImages }: Model): PreviewObstacle | undefined {
  if (maxPartialImages === 0) return "previews";
  return effectiveCount.value > maxImagesWithPartialImages ? "previews-of-many" : undefined;
}

/** How many images a click makes. */
export const effectiveCount = computed(() => Math.min(settings.value.n, model.value?.maxImages ?? MAX_IMAGES));

/** What a click sends, but for the prompt and the idempotency key: the choices that the model can follow. */
export const effectiveInput = computed<Omit<GenerateImagesInput, "prompt">>(() => {
  const { size, quality, format, background, seed, partialImages } = settings.value;
  const able = model.value;
  if (!able) return { size: toText(size) };
  return {
    model: able.id,
    n: effectiveCount.value,
    size: toText(size),
    quality: possibleQuality(quality, able),
    format,
    background: possibleBackground(background, format, able),
    seed: able.hasSeed && seed !== undefined ? seed : null,
    partialImages: previewObstacle(able) ? 0 : Math.min(partialImages, able.maxPartialImages),
  };
});

/** Settings of an earlier visit. What an older version wrote, or somebody changed by hand, is left out. */
function readStored(): Partial<Settings> {
  try {
    const stored = JSON.parse(storedSettings.read() ?? "{}") as Partial<Settings>;
    const isWhole = Object.entries(stored).every(([name, value]) => {
      const usual = DEFAULTS[name as keyof Settings];
      return name in DEFAULTS && (usual === undefined || typeof usual === typeof value);
    });
    return isWhole ? stored : {};
  } catch {
    return {};
  }
}
