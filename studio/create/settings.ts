import { computed, effect, signal } from "@preact/signals";
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

export const QUALITIES: readonly Quality[] = ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"];
export const FORMATS: readonly ImageFormat[] = ["PNG", "JPEG", "WEBP", "AVIF"];
export const BACKGROUNDS: readonly Background[] = ["AUTO", "OPAQUE", "TRANSPARENT"];
export const MAX_IMAGES = 10;
export const MAX_PREVIEWS = 3;

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

const SETTINGS_PLACE = "pictograph.settings";
const PROMPT_PLACE = "pictograph.prompt";

export const settings = signal<Settings>({ ...DEFAULTS, ...readStored() });
/** What is written in the bar. It stays in the tab, also when something fails. */
export const prompt = signal(sessionStorage.getItem(PROMPT_PLACE) ?? "");

effect(() => localStorage.setItem(SETTINGS_PLACE, JSON.stringify(settings.value)));
effect(() => sessionStorage.setItem(PROMPT_PLACE, prompt.value));

/** The model that a click uses. */
export const model = computed<Model | undefined>(() => findModel(settings.value.model) ?? defaultModel.value);

export function choose(changes: Partial<Settings>): void {
  settings.value = { ...settings.value, ...changes };
}

/** Why a choice has no effect with the chosen model. */
export type Obstacle =
  | "quality"
  | "transparent"
  | "jpeg"
  | "opaque"
  | "seed"
  | "count"
  | "previews"
  | "previews-of-many";

export function qualityObstacle(quality: Quality, { qualities }: Model): Obstacle | undefined {
  return qualities.includes(quality) ? undefined : "quality";
}

export function backgroundObstacle(background: Background, { backgrounds }: Model): Obstacle | undefined {
  if (!backgrounds.includes(background)) return background === "OPAQUE" ? "opaque" : "transparent";
  return background === "TRANSPARENT" && settings.value.format === "JPEG" ? "jpeg" : undefined;
}

export function previewObstacle({ maxPartialImages, maxImagesWithPartialImages }: Model): Obstacle | undefined {
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
    quality: qualityObstacle(quality, able) ? "AUTO" : quality,
    format,
    background: backgroundObstacle(background, able) ? "AUTO" : background,
    seed: able.hasSeed && seed !== undefined ? seed : null,
    partialImages: previewObstacle(able) ? 0 : Math.min(partialImages, able.maxPartialImages),
  };
});

/** Settings of an earlier visit. What an older version wrote, or somebody changed by hand, is left out. */
function readStored(): Partial<Settings> {
  try {
    const stored = JSON.parse(localStorage.getItem(SETTINGS_PLACE) ?? "{}") as Partial<Settings>;
    const isWhole = Object.entries(stored).every(([name, value]) => {
      const usual = DEFAULTS[name as keyof Settings];
      return name in DEFAULTS && (usual === undefined || typeof usual === typeof value);
    });
    return isWhole ? stored : {};
  } catch {
    return {};
  }
}
