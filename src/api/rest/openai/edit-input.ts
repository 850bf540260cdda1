import type { EditReferences, ImageReference } from "../../../service/edits/edit-intake.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { EVERY_ITEM, type JsonPath } from "../../../streamed-json/json-strings.ts";
import type { JsonWithUploads } from "../../http/bodies/json-uploads.ts";
import type { UploadedForm } from "../../http/bodies/uploaded-files.ts";
import { ParameterError } from "./errors.ts";
import { ImageEditFields, ImageEditRequest, type Parameters } from "./parameters.ts";
import { type Fields, readParameters, refuseUnlessKnown } from "./read-parameters.ts";

/** The name of an image field: `image`, or `image[]` and `image[0]` if there are several. */
const IMAGE_NAME = /^image(\[[0-9]*\])?$/;

/** A requested edit: its images, and all other parameters. */
export interface AskedEdit {
  readonly references: EditReferences;
  readonly parameters: Parameters<typeof ImageEditFields>;
}

/**
 * Decides how to read a part of a form, when the part begins.
 *
 * @throws ParameterError when it is not a parameter, or is a text in place of a file or a file in place of a text
 */
export function kindOfPart(name: string, isFile: boolean): "text" | "file" {
  const mustBeFile = IMAGE_NAME.test(name) || name === "mask";
  if (!mustBeFile) refuseUnlessKnown(ImageEditFields, name);
  if (mustBeFile === isFile) return isFile ? "file" : "text";
  const [expected, got] = mustBeFile ? ["a file", "a string"] : ["text", "a file"];
  const message = `Invalid type for '${name}': expected ${expected}, but got ${got} instead.`;
  throw new ParameterError("invalid_type", name, message);
}

/** A reference to an image or a mask in a JSON body. */
interface JsonReference {
  readonly file_id?: string | null | undefined;
  readonly image_url?: string | null | undefined;
}

/**
 * Reads an edit from a form. @throws ParameterError when there are no images or too many, or another parameter is wrong
 */
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

/** The places of a JSON body that may hold files as `data:` URIs. */
export const FILE_PATHS: readonly JsonPath[] = [
  ["images", EVERY_ITEM, "image_url"],
  ["mask", "image_url"],
];

/**
 * Reads an edit from a JSON body: `{"images": [{"file_id": "img_…"}, {"image_url": "https://…"}]}`. `mask` has the same
 * form. A URL may also be a `data:` URI.
 *
 * @param files the files that were `data:` URIs, by their places
 * @param rootUrl the URL that the gateway's own image URLs begin with
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
