import type { Insertable, Selectable } from "kysely";
import type { Background, ImageFormat, Moderation, Quality } from "../../ports/image-provider.ts";
import type { Generation, GenerationOrder, Image, Preview } from "../../ports/records.ts";
import type { GenerationRow, ImageRow } from "./database.ts";

/** In a column that knows no null. */
const NO_PLACEHOLDER = "";

/** A generation that was just accepted. */
export function toGenerationRow(order: GenerationOrder): Insertable<GenerationRow> {
  return {
    id: order.id,
    owner: order.owner,
    status: "QUEUED",
    prompt: order.prompt,
    model: order.model,
    n: order.n,
    requested_width: order.requestedSize.width,
    requested_height: order.requestedSize.height,
    model_width: order.modelSize.width,
    model_height: order.modelSize.height,
    generated_width: null,
    generated_height: null,
    quality: order.quality,
    format: order.format,
    background: order.background,
    seed: order.seed ?? null,
    partial_images: order.partialImages ?? null,
    previews: null,
    compression: order.compression ?? null,
    moderation: order.moderation ?? null,
    safety_identifier: order.safetyIdentifier ?? null,
    edit: order.edit ? JSON.stringify(order.edit) : null,
    warnings: JSON.stringify(order.warnings),
    failure: null,
    usage: null,
    cost: null,
    fallbacks: toJsonList(order.fallbacks),
    idempotency_key: order.idempotency?.key ?? null,
    input_hash: order.inputHash,
    idempotency_expires_at: order.idempotency?.expiresAt.getTime() ?? null,
    created_at: order.createdAt.getTime(),
    started_at: null,
    finished_at: null,
    worker: null,
    lease_until: null,
  };
}

export function toGeneration(row: Selectable<GenerationRow>): Generation {
  return {
    id: row.id,
    owner: row.owner,
    status: row.status,
    prompt: row.prompt,
    model: row.model,
    n: row.n,
    requestedSize: { width: row.requested_width, height: row.requested_height },
    modelSize: { width: row.model_width, height: row.model_height },
    quality: row.quality as Quality,
    format: row.format as ImageFormat,
    background: row.background as Background,
    warnings: JSON.parse(row.warnings),
    inputHash: row.input_hash ?? "",
    createdAt: new Date(Number(row.created_at)),
    ...(row.seed !== null && { seed: row.seed }),
    ...(row.partial_images !== null && { partialImages: row.partial_images }),
    ...(row.previews !== null && { previews: toPreviews(row.previews) }),
    ...(row.compression !== null && { compression: row.compression }),
    ...(row.moderation !== null && { moderation: row.moderation as Moderation }),
    ...(row.safety_identifier !== null && { safetyIdentifier: row.safety_identifier }),
    ...(row.edit !== null && { edit: JSON.parse(row.edit) }),
    ...(row.generated_width !== null &&
      row.generated_height !== null && {
        generatedSize: { width: row.generated_width, height: row.generated_height },
      }),
    ...(row.failure !== null && { failure: JSON.parse(row.failure) }),
    ...(row.usage !== null && { usage: JSON.parse(row.usage) }),
    ...(row.cost !== null && { cost: row.cost }),
    ...(row.fallbacks !== null && { fallbacks: JSON.parse(row.fallbacks) }),
    ...(row.idempotency_key !== null && {
      idempotency: {
        key: row.idempotency_key,
        expiresAt: new Date(Number(row.idempotency_expires_at)),
      },
    }),
    ...(row.started_at !== null && { startedAt: new Date(Number(row.started_at)) }),
    ...(row.finished_at !== null && { finishedAt: new Date(Number(row.finished_at)) }),
  };
}

/** Previews are told of one after the other: each is text that is put behind the others. */
export function toPreviewText({ imageIndex, partialIndex }: Preview): string {
  return `${imageIndex}:${partialIndex} `;
}

function toPreviews(text: string): Preview[] {
  return text
    .trim()
    .split(" ")
    .map((entry) => {
      const [imageIndex = 0, partialIndex = 0] = entry.split(":").map(Number);
      return { imageIndex, partialIndex };
    });
}

/** `null` for none. */
export function toJsonList(names: readonly string[] = []): string | null {
  return names.length > 0 ? JSON.stringify(names) : null;
}

export function toImageRow(image: Image): Insertable<ImageRow> {
  return {
    id: image.id,
    generation_id: image.generationId,
    owner: image.owner,
    position: image.index,
    object_key: image.key,
    original_key: image.originalKey,
    width: image.width,
    height: image.height,
    format: image.format,
    byte_size: image.byteSize,
    sha256: image.sha256,
    placeholder: image.placeholder ?? NO_PLACEHOLDER,
    provenance: image.provenance ? JSON.stringify(image.provenance) : null,
    created_at: image.createdAt.getTime(),
  };
}

export function toImage(row: Selectable<ImageRow>): Image {
  return {
    id: row.id,
    generationId: row.generation_id,
    owner: row.owner,
    index: row.position,
    key: row.object_key,
    originalKey: row.original_key,
    width: row.width,
    height: row.height,
    format: row.format as ImageFormat,
    byteSize: row.byte_size,
    sha256: row.sha256,
    ...(row.placeholder !== NO_PLACEHOLDER && { placeholder: row.placeholder }),
    ...(row.provenance !== null && { provenance: JSON.parse(row.provenance) }),
    createdAt: new Date(Number(row.created_at)),
  };
}
