import { computed, effect, signal } from "@preact/signals";
import { settings as createSettings } from "../create/settings.ts";
import { FORMATS, MAX_IMAGES, MAX_PREVIEWS, possibleBackground, possibleQuality } from "../dock/options.ts";
import { nearestSize, type Size, toText } from "../dock/sizes.ts";
import type { Background, EditImagesInput, ImageFormat, Quality } from "../generated/graphql.ts";
import { findModel, type Model, models } from "../state/gateway.ts";
import { mask } from "./painting/tools.ts";
import { edited, sources } from "./sources/sources.ts";
import { NO_SPACE, type Space, spaced } from "./sources/space.ts";

/** What the person has chosen. A choice stays when the model cannot do it, and counts again with a model that can. */
export interface EditSettings {
  /** `undefined` for the one of the prompt bar, or the first that edits. */
  readonly model: string | undefined;
  /** `undefined` for the size of the picture that is edited. */
  readonly size: Size | undefined;
  readonly n: number;
  readonly quality: Quality;
  readonly format: ImageFormat;
  readonly background: Background;
  /** What is added around the picture for the model to fill. */
  readonly space: Space;
}

export const settings = signal<EditSettings>({
  model: undefined,
  size: undefined,
  n: 1,
  quality: "AUTO",
  format: FORMATS[0] ?? "PNG",
  background: "AUTO",
  space: NO_SPACE,
});
/** What is written in the bar. */
export const prompt = signal("");

export function choose(changes: Partial<EditSettings>): void {
  settings.value = { ...settings.value, ...changes };
}

// Another picture has other edges.
effect(() => {
  void edited.value?.key;
  if (settings.peek().space !== NO_SPACE) settings.value = { ...settings.peek(), space: NO_SPACE };
});

/** The models that edit. */
export const editors = computed(() => models.value.filter(({ operations }) => operations.includes("EDIT")));

/** The model that a click uses. */
export const model = computed<Model | undefined>(() => {
  const canEdit = (each: Model | undefined) => (each && editors.value.includes(each) ? each : undefined);
  return (
    canEdit(findModel(settings.value.model)) ??
    canEdit(findModel(createSettings.value.model)) ??
    editors.value.find(({ isDefault }) => isDefault) ??
    editors.value[0]
  );
});

export const effectiveCount = computed(() => Math.min(settings.value.n, model.value?.maxImages ?? MAX_IMAGES));

/** The size of what is edited, with the space around it. */
export const editedSize = computed<Size | undefined>(() => edited.value && spaced(edited.value, settings.value.space));

/** The size of the result: as chosen, or the gateway's nearest to that of the picture. */
export const resultSize = computed<Size | undefined>(
  () => settings.value.size ?? (editedSize.value && nearestSize(editedSize.value)),
);

/** Why a click cannot be sent with these pictures. */
export type Obstacle = "no-model" | "no-picture" | "too-many";

export const obstacle = computed<Obstacle | undefined>(() => {
  if (!model.value) return "no-model";
  if (sources.value.length === 0) return "no-picture";
  return sources.value.length > model.value.maxInputImages ? "too-many" : undefined;
});

/** Whether what is painted is sent: the model takes masks. */
export const hasMask = computed(() => model.value?.hasMask === true);

/** Whether a mask will be sent, as far as that is known before it is drawn. */
export const willMask = computed(
  () => hasMask.value && (mask.value?.isPainted.value === true || settings.value.space !== NO_SPACE),
);

/** What a click sends, but for the prompt, the pictures and the idempotency key. */
export const effectiveInput = computed<Omit<EditImagesInput, "prompt" | "images">>(() => {
  const { quality, format, background, size } = settings.value;
  const able = model.value;
  if (!able) return {};
  const n = effectiveCount.value;
  return {
    model: able.id,
    n,
    quality: possibleQuality(quality, able),
    format,
    background: possibleBackground(background, format, able),
    partialImages: n > able.maxImagesWithPartialImages ? 0 : Math.min(MAX_PREVIEWS, able.maxPartialImages),
    ...(size && { size: toText(size) }),
  };
});
