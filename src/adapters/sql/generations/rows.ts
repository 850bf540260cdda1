import type { Claim, Generation, Idempotency, Image, Preview } from "../../../ports/records.ts";
import type { GenerationRow, ImageRow } from "../database.ts";
import {
  type Changes,
  columnsOf,
  type Field,
  fieldsOf,
  flag,
  fromRow,
  integer,
  json,
  oneColumn,
  optional,
  pixelSize,
  text,
  time,
  toColumns,
  toRow,
} from "../fields.ts";

/** The columns of a generation that are not its properties: they lease it to a worker. */
type LeaseColumns = "worker" | "lease_until";

/** How a generation is stored. */
const GENERATION = fieldsOf<Generation, Omit<GenerationRow, LeaseColumns>>()({
  id: text("id"),
  projectId: text("project_id"),
  endUser: optional(text("end_user")),
  apiKeyId: optional(text("api_key_id")),
  metadata: optional(json("metadata")),
  status: text("status"),
  prompt: text("prompt"),
  model: text("model"),
  n: integer("n"),
  requestedSize: pixelSize("requested_width", "requested_height"),
  modelSize: pixelSize("model_width", "model_height"),
  generatedSize: optional(pixelSize("generated_width", "generated_height")),
  quality: text("quality"),
  format: text("format"),
  background: text("background"),
  seed: optional(integer("seed")),
  partialImages: optional(integer("partial_images")),
  previews: optional(previewList()),
  compression: optional(integer("compression")),
  moderation: optional(text("moderation")),
  safetyIdentifier: optional(text("safety_identifier")),
  edit: optional(json("edit")),
  warnings: json("warnings"),
  failure: optional(json("failure")),
  usage: optional(json("usage")),
  cost: optional(text("cost")),
  costIsEstimated: optional(flag("cost_is_estimated")),
  fallbacks: optional(json("fallbacks")),
  prices: optional(json("prices")),
  maxCost: optional(text("max_cost")),
  idempotency: optional(idempotency()),
  traceContext: optional(json("trace_context")),
  // The column is declared nullable, but is never null.
  inputHash: oneColumn(
    "input_hash",
    (hash: string): string | null => hash,
    (hash) => hash ?? "",
  ),
  createdAt: time("created_at"),
  startedAt: optional(time("started_at")),
  finishedAt: optional(time("finished_at")),
});

/** How an image is stored. */
const IMAGE = fieldsOf<Image, ImageRow>()({
  id: text("id"),
  generationId: text("generation_id"),
  projectId: text("project_id"),
  endUser: optional(text("end_user")),
  index: integer("position"),
  key: text("object_key"),
  originalKey: text("original_key"),
  width: integer("width"),
  height: integer("height"),
  format: text("format"),
  byteSize: integer("byte_size"),
  sha256: text("sha256"),
  // The column cannot be null. Empty text means that there is no placeholder.
  placeholder: oneColumn(
    "placeholder",
    (uri: string | undefined) => uri ?? "",
    (uri) => uri || undefined,
  ),
  isFavorite: optional(flag("is_favorite")),
  provenance: optional(json("provenance")),
  createdAt: time("created_at"),
});

export const GENERATION_COLUMNS: readonly (keyof GenerationRow)[] = [...columnsOf(GENERATION), "worker", "lease_until"];
export const IMAGE_COLUMNS: readonly (keyof ImageRow)[] = columnsOf(IMAGE);

export const toGeneration = (row: GenerationRow): Generation => fromRow(GENERATION, row);
export const toImage = (row: ImageRow): Image => fromRow(IMAGE, row);
export const toImageRow = (image: Image): ImageRow => toRow(IMAGE, image);

/** @param claim of the worker that runs the generation; `undefined` if nobody does */
export function toGenerationRow(generation: Generation, claim?: Claim): GenerationRow {
  return {
    ...toRow(GENERATION, generation),
    worker: claim?.worker ?? null,
    lease_until: claim?.leaseUntil.getTime() ?? null,
  };
}

/** The column changes for these property changes. A property that is `undefined` is removed. */
export function toChanges(changes: Changes<Generation>): Partial<GenerationRow> {
  return toColumns(GENERATION, changes);
}

/** The text of a preview, which is appended to the text of earlier previews. */
export function toPreviewText({ imageIndex, partialIndex }: Preview): string {
  return `${imageIndex}:${partialIndex} `;
}

/** Parses `image:preview` entries, each followed by a space: `0:0 0:1 `. */
function previewList() {
  const toPreview = (entry: string): Preview => {
    const [imageIndex = 0, partialIndex = 0] = entry.split(":").map(Number);
    return { imageIndex, partialIndex };
  };
  return oneColumn(
    "previews",
    (previews: readonly Preview[]) => previews.map(toPreviewText).join(""),
    (cell: string): readonly Preview[] => cell.trim().split(" ").map(toPreview),
  );
}

/** An idempotency key and its expiry. When the key is removed, the expiry stays. */
function idempotency(): Field<Idempotency, { idempotency_key: string; idempotency_expires_at: number }> {
  const key = text("idempotency_key");
  const expiresAt = time("idempotency_expires_at");
  return {
    columns: [...key.columns, ...expiresAt.columns],
    write: (value, row) => {
      key.write(value.key, row);
      expiresAt.write(value.expiresAt, row);
    },
    read: (row) => ({ key: key.read(row), expiresAt: expiresAt.read(row) }),
  };
}
