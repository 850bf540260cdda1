import type { EditReferences, ImageReference } from "../../../service/edits/edit-intake.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { EVERY_ITEM, type JsonPath } from "../../../streamed-json/json-strings.ts";
import type { JsonWithUploads } from "../../http/json-uploads.ts";
import type { UploadedForm } from "../../http/uploaded-files.ts";
import { ParameterError } from "./errors.ts";
import { EDIT_PARAMETERS, type Fields, refuseUnlessKnown, required } from "./parameters.ts";

/** `image`, or one of several as the clients name them: `image[]`, `image[0]`. */
const IMAGE_NAME = /^image(\[[0-9]*\])?$/;

/** What of a request says which images, and what says everything else. */
export interface SplitEdit {
  readonly references: EditReferences;
  readonly fields: Fields;
}

/**
 * Decides what a part of a form is, as it begins.
 *
 * @throws ParameterError when it is no parameter, a text in place of a file, or the other way round
 */
export function kindOfPart(name: string, isFile: boolean): "text" | "file" {
  const mustBeFile = IMAGE_NAME.test(name) || name === "mask";
  if (!mustBeFile) refuseUnlessKnown(EDIT_PARAMETERS, name);
  if (mustBeFile === isFile) return isFile ? "file" : "text";
  const [expected, got] = mustBeFile ? ["a file", "a string"] : ["text", "a file"];
  const message = `Invalid type for '${name}': expected ${expected}, but got ${got} instead.`;
  throw new ParameterError("invalid_type", name, message);
}

/** @throws ParameterError when there is no image, or there are too many */
export function splitForm({ values, files }: UploadedForm): SplitEdit {
  const images = files.filter(({ name }) => name !== "mask");
  const [mask, ...moreMasks] = files.filter(({ name }) => name === "mask");
  if (moreMasks.length > 0) throw new ParameterError("invalid_value", "mask", "Invalid 'mask': send one file.");
  return { references: toReferences("image", images, mask), fields: { values, isForm: true } };
}

/** Where a JSON body may hold files, as `data:` URIs. */
export const FILE_PATHS: readonly JsonPath[] = [
  ["images", EVERY_ITEM, "image_url"],
  ["mask", "image_url"],
];

/**
 * A JSON body names images instead: `{"images": [{"file_id": "img_…"}, {"image_url": "https://…"}]}`, and `mask`
 * likewise; a URL may also be a `data:` URI. `null` stands for what was left out.
 *
 * @param files what stood as `data:` URIs, by its place
 * @param rootUrl where the gateway's own URLs begin
 */
export function splitJson({ values }: Fields, files: JsonWithUploads["files"], rootUrl: string): SplitEdit {
  const { images, mask, ...others } = Object.fromEntries(values);
  const list = required("images", images ?? undefined);
  if (!Array.isArray(list)) throw wrongReference("images");
  const references = list.map((image, index) => {
    const name = `images[${index}]`;
    const reference = toReference(name, image, files, rootUrl);
    if (!reference) throw wrongReference(name);
    return reference;
  });
  return {
    references: toReferences("images", references, toReference("mask", mask, files, rootUrl)),
    fields: { values: new Map(Object.entries(others)), isForm: false },
  };
}

function toReferences(
  name: string,
  images: readonly ImageReference[],
  mask: ImageReference | undefined,
): EditReferences {
  required(name, images[0]);
  if (images.length > MAX_EDIT_IMAGES) {
    const message = `Invalid '${name}': array too long. Expected an array with maximum length ${MAX_EDIT_IMAGES}.`;
    throw new ParameterError("array_above_max_length", name, message);
  }
  return { images, mask };
}

/** `undefined` when it names nothing. */
function toReference(
  name: string,
  value: unknown,
  files: JsonWithUploads["files"],
  rootUrl: string,
): ImageReference | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw wrongReference(name);
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  const [[key, text] = []] = entries;
  if (key === undefined) return undefined;
  if (entries.length !== 1 || typeof text !== "string") throw wrongReference(name);
  if (key === "file_id") return { id: text };
  if (key !== "image_url") throw wrongReference(name);
  const file = files.get(`${name}.image_url`);
  if (file) return file;
  return text.startsWith(`${rootUrl}/images/`) ? { link: text.slice(rootUrl.length) } : { url: text };
}

function wrongReference(name: string): ParameterError {
  return new ParameterError(
    "invalid_type",
    name,
    `Invalid type for '${name}': expected {"file_id": "img_…"} or {"image_url": "https://…"}.`,
  );
}
