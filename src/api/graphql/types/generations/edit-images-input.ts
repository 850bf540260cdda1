import { badInput } from "../../../../errors.ts";
import type { ImageReference } from "../../../../service/edits/edit-intake.ts";
import { Field, ID, InputType } from "../../type-graphql.ts";
import { ImageSizeScalar } from "../scalars.ts";
import { type OpenUpload, UploadScalar } from "../upload-scalar.ts";
import { withoutNulls } from "../without-nulls.ts";
import { ImagesInput } from "./generate-images-input.ts";

@InputType("ImageReferenceInput", {
  description:
    "An image, given by exactly one of these fields. Uploaded and downloaded files must be PNG, JPEG or WebP under 50 MB.",
})
export class ImageReferenceInput {
  @Field(() => ID, { nullable: true, description: "The id of one of your images: `img_…`." })
  id?: string;

  @Field(() => UploadScalar, {
    nullable: true,
    description: "A file, sent as the GraphQL multipart request specification says.",
  })
  upload?: OpenUpload;

  @Field(() => String, {
    nullable: true,
    description: "An https URL at a host that the operator allows, or a URL of an image of this gateway.",
  })
  url?: string;
}

@InputType("EditImagesInput", { description: "Describes the edit: the images to change, and the result." })
export class EditImagesInput extends ImagesInput {
  @Field(() => [ImageReferenceInput], {
    description: "1 to 16 images. The first one is edited. The others are references.",
  })
  images!: ImageReferenceInput[];

  @Field(() => ImageReferenceInput, {
    nullable: true,
    description: "A PNG of the same size as the first image. Only its transparent areas may change.",
  })
  mask?: ImageReferenceInput;

  @Field(() => ImageSizeScalar, {
    nullable: true,
    description:
      "The exact size of every image: 64 to 3840 pixels a side, ratio 1:3 to 3:1. If absent, the size of the first image or the nearest possible one.",
  })
  size?: string;
}

/**
 * Translates an image of the input.
 *
 * @param rootUrl the URL that the URLs of the gateway's own images begin with
 * @throws BAD_USER_INPUT naming `field` unless exactly one of the input's fields is given
 */
export async function toImageReference(
  field: "images" | "mask",
  input: ImageReferenceInput,
  rootUrl: string,
): Promise<ImageReference> {
  const { id, upload, url, ...others } = withoutNulls(input);
  const given = [id, upload, url].filter((way) => way !== undefined);
  if (given.length !== 1 || Object.keys(others).length > 0) {
    throw badInput(field, "give each image as exactly one of id, upload and url");
  }
  if (id !== undefined) return { id };
  if (url !== undefined) return url.startsWith(`${rootUrl}/images/`) ? { link: url.slice(rootUrl.length) } : { url };
  return (upload as OpenUpload)();
}
