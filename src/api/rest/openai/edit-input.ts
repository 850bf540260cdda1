import type { EditReferences, ImageReference } from "../../../service/edits/edit-intake.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { EVERY_ITEM, type JsonPath } from "../../../streamed-json/json-strings.ts";
import type { JsonWithUploads } from "../../http/bodies/json-uploads.ts";
import type { UploadedForm } from "../../http/bodies/uploaded-files.ts";
import { ParameterError } from "./errors.ts";
import { ImageEditFields, ImageEditRequest, type Parameters } from "./parameters.ts";
import { type Fields, readParameters, refuseUnlessKnown } from "./read-parameters.ts";

/** `image`, or one of several as the clients name them: `image[]`, `image[0]`. */
const IMAGE_NAME = /^image(\[[0-9]*\])?$/;

/** An edit that was asked for: which images, and everything else. */
export interface AskedEdit {
  readonly references: EditReferences;
  readonly parameters: Parameters<typeof ImageEditFields>;
}

/**
 * Decides what a part of a form is, as it begins.
 *
 * @throws ParameterError when it is no parameter, a text in place of a file, or the other way round
 */
export function kindOfPart(name: string, isFile: boolean): "text" | "file" {
  const mustBeFile = IMAGE_NAME.test(name) || name === "mask";
  if (!mustBeFile) refuseUnlessKnown(ImageEditFields, name);
  if (mustBeFile === isFile) return isFile ? "file" : "text";
  const [expected, got] = mustBeFile ? ["a file", "a string"] : ["text", "a file"];
  const message = `Invalid type for '${name}': expected ${expected}, but got ${got} instead.`;
  throw new ParameterError("invalid_type", name, message);
}

/** An image, or a mask, as JSON names it. */
interface JsonReference {
  readonly file_id?: string | null | undefined;
  readonly image_url?: string | null | undefined;
}

/** @throws ParameterError when there is no image, there are too many, or another parameter is wrong */
export function readForm({ values, files }: UploadedForm): AskedEdit {
  const images = files.filter(({ name }) => name !== "mask");
  const [mask, ...moreMasks] = files.filter(({ name }) => name === "mask");
  if (moreMasks.length > 0) throw new ParameterError("invalid_value", "mask", "Invalid 'mask': send one file.");
  if (images.length === 0) {
    throw new ParameterError("missing_required_parameter", "image", "Missing required parameter: 'image'.");
  }
  if (images.length > MAX_EDIT_IMAGES) {
    const message = `Invalid 'image': array too long. Expected an array with maximum length ${MAX_EDIT_IMAGES}.`;
    throw new ParameterError("array_above_max_length", "image", message);
  }
  const parameters = readParameters(ImageEditFields, { values, isForm: true });
  return { references: { images, mask }, parameters };
}

/** Where a JSON body may hold files, as `data:` URIs. */
export const FILE_PATHS: readonly JsonPath[] = [
  ["images", EVERY_ITEM, "image_url"],
  ["mask", "image_url"],
];

/**
 * A JSON body names images instead: `{"images": [{"file_id": "img_…"}, {"image_url": "https://…"}]}`, and `mask`
 * likewise; a URL may also be a `data:` URI.
 *
 * @param files what stood as `data:` URIs, by its place
 * @param rootUrl where the gateway's own URLs begin
 * @throws ParameterError
 */
export function readJson(fields: Fields, files: JsonWithUploads["files"], rootUrl: string): AskedEdit {
  const { images, mask, ...parameters } = readParameters(ImageEditRequest, fields);
  const toReference = (name: string, { file_id: id, image_url: url }: JsonReference) => {
    const file = files.get(`${name}.image_url`);
    if (file) return file;
    if (typeof id === "string") return { id };
    if (typeof url !== "string") return undefined;
    return url.startsWith(`${rootUrl}/images/`) ? { link: url.slice(rootUrl.length) } : { url };
  };
  const references = images.flatMap((image, index): ImageReference[] => {
    const reference = toReference(`images[${index}]`, image);
    return reference ? [reference] : [];
  });
  return { references: { images: references, mask: mask && toReference("mask", mask) }, parameters };
}
