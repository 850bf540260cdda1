/** A change to a valid request, and the refused parameter. */
export type WrongParameter = readonly [change: object, code: string, param: string];

const INVALID = "invalid_value";
const LOW = "integer_below_min_value";
const HIGH = "integer_above_max_value";
const TYPE = "invalid_type";
const LONG = "string_above_max_length";

/** Invalid in generations and in edits, in JSON and in a form. */
export const WRONG_PARAMETERS: readonly WrongParameter[] = [
  [{ prompt: undefined }, "missing_required_parameter", "prompt"],
  [{ prompt: "" }, "empty_string", "prompt"],
  [{ prompt: "  " }, INVALID, "prompt"],
  [{ prompt: "x".repeat(32_001) }, LONG, "prompt"],
  [{ n: 0 }, LOW, "n"],
  [{ n: -1 }, LOW, "n"],
  [{ n: 11 }, HIGH, "n"],
  [{ n: 1.5 }, TYPE, "n"],
  [{ n: "two" }, TYPE, "n"],
  [{ n: "" }, TYPE, "n"],
  [{ model: "" }, "empty_string", "model"],
  [{ size: "large" }, INVALID, "size"],
  [{ size: "63x64" }, INVALID, "size"],
  [{ size: "4000x4000" }, INVALID, "size"],
  [{ size: "64x256" }, INVALID, "size"],
  [{ quality: "best" }, INVALID, "quality"],
  [{ quality: "HIGH" }, INVALID, "quality"],
  [{ background: "red" }, INVALID, "background"],
  [{ background: "transparent", output_format: "jpeg" }, INVALID, "background"],
  [{ output_format: "gif" }, INVALID, "output_format"],
  [{ output_format: "svg" }, INVALID, "output_format"],
  [{ output_compression: 101, output_format: "jpeg" }, HIGH, "output_compression"],
  [{ output_compression: -1, output_format: "jpeg" }, LOW, "output_compression"],
  [{ output_compression: 50 }, INVALID, "output_compression"],
  [{ moderation: "none" }, INVALID, "moderation"],
  [{ user: "x".repeat(65) }, LONG, "user"],
  [{ user: "a\u0085b" }, INVALID, "user"],
  [{ user: " a" }, INVALID, "user"],
  [{ safety_identifier: "a\n" }, INVALID, "safety_identifier"],
  [{ safety_identifier: "x".repeat(65) }, LONG, "safety_identifier"],
  [{ stream: "yes" }, TYPE, "stream"],
  [{ stream: 1 }, TYPE, "stream"],
  [{ stream: true, n: 2 }, INVALID, "n"],
  [{ stream: true, response_format: "url" }, INVALID, "response_format"],
  [{ partial_images: 1 }, INVALID, "partial_images"],
  [{ partial_images: 4, stream: true }, HIGH, "partial_images"],
  [{ response_format: "file" }, INVALID, "response_format"],
  [{ complexity: "low" }, "unsupported_parameter", "complexity"],
  [{ wings: 2 }, "unknown_parameter", "wings"],
  [{ toString: 1 }, "unknown_parameter", "toString"],
];

/** Values of the wrong JSON type; a form has only texts. */
export const WRONG_TYPES: readonly WrongParameter[] = [
  [{ prompt: 7 }, TYPE, "prompt"],
  [{ prompt: ["a fox"] }, TYPE, "prompt"],
  [{ model: 2 }, TYPE, "model"],
  [{ n: "2" }, TYPE, "n"],
  [{ n: true }, TYPE, "n"],
  [{ size: 64 }, TYPE, "size"],
  [{ user: 7 }, TYPE, "user"],
  [{ stream: "true" }, TYPE, "stream"],
  [{ quality: {} }, TYPE, "quality"],
];

/** Changes that keep a valid request valid. */
export const RIGHT_PARAMETERS: readonly object[] = [
  {},
  { prompt: "🦊".repeat(32_000) },
  ...["model", "n", "size", "quality", "background", "output_format", "stream", "partial_images", "user"].map(
    (name) => ({
      [name]: null,
    }),
  ),
  { n: 1, stream: true },
  { n: 10 },
  { n: null, stream: true, response_format: null },
  { size: "auto" },
  { size: "96x64", quality: "hd" },
  { background: "transparent" },
  { background: "transparent", output_format: "webp" },
  { background: "opaque", output_format: "jpeg" },
  { output_compression: 100 },
  { output_compression: 0, output_format: "jpeg" },
  { partial_images: 0 },
  { user: "" },
  { safety_identifier: "🦊".repeat(64) },
];
