import { FORM_HEADERS, toMultipartForm } from "../../support/clients/graphql-multipart.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../../support/images/source-images.ts";
import { GENERATION_FIELDS } from "./chaos-books.ts";

const EDIT = `mutation ($input: EditImagesInput!) { told: editImages(input: $input) { ${GENERATION_FIELDS} } }`;

let files: Promise<readonly Buffer[]> | undefined;

/** The input of every edit: a picture and a mask. */
export function editFiles(): Promise<readonly Buffer[]> {
  files ??= Promise.all([plainImage(96, 64, 1, "PNG"), leftHalfMask(96, 64)]);
  return files;
}

/**
 * A request that uploads {@link editFiles}. It is complete before it is sent, so a broken connection leaves nothing
 * half done here.
 */
export async function toEditRequest(
  input: object,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: Buffer<ArrayBuffer> }> {
  const variables = { input: { ...input, images: [{ upload: null }], mask: { upload: null } } };
  const [picture = Buffer.of(), mask = Buffer.of()] = await editFiles();
  const form = toMultipartForm({ query: EDIT, variables }, [
    { path: "variables.input.images.0.upload", bytes: picture },
    { path: "variables.input.mask.upload", bytes: mask },
  ]);
  const encoded = new Response(form);
  const headers = { ...FORM_HEADERS, "Content-Type": encoded.headers.get("Content-Type") ?? "" };
  return { headers, body: Buffer.from(await encoded.arrayBuffer()) };
}
