import { badInput } from "../../../errors.ts";
import type { ImageReference } from "../../../service/edits/edit-intake.ts";
import { Field, ID, InputType } from "../type-graphql.ts";
import { ImagesInput } from "./generate-images-input.ts";
import { ImageSizeScalar } from "./scalars.ts";
import { type OpenUpload, UploadScalar } from "./upload-scalar.ts";
import { withoutNulls } from "./without-nulls.ts";

@InputType("ImageReferenceInput", {
  description: "An image, in exactly one of these ways. A file or a download is a PNG, JPEG or WebP under 50 MB.",
})
export class ImageReferenceInput {
  @Field(() => ID, { nullable: true, description: "One of your images: `img_…`." })
  id?: string;

  @Field(() => UploadScalar, {
    nullable: true,
    description: "A file, sent along as the GraphQL multipart request specification says.",
  })
  upload?: OpenUpload;

  @Field(() => String, {
    nullable: true,
    description: "An https URL at a host that the operator allows, or a URL of an image of this gateway.",
  })
  url?: string;
}

@InputType("EditImagesInput", { description: "What to change, and into what." })
export class EditImagesInput extends ImagesInput {
  @Field(() => [ImageReferenceInput], {
    description: "1 to 16 images. The first one is the picture that is edited, the others are references.",
  })
  images!: ImageReferenceInput[];

  @Field(() => ImageReferenceInput, {
    nullable: true,
    description: "A PNG of the first image's size: only where it is transparent may the image change.",
  })
  mask?: ImageReferenceInput;

  @Field(() => ImageSizeScalar, {
    nullable: true,
    description:
      "The exact size of every image: 64 to 3840 pixels a side, ratio 1:3 to 3:1. The first image's size when left out, or the nearest there is.",
  })
  size?: string;
}

/**
 * @param rootUrl where the gateway's own images are
 * @throws BAD_USER_INPUT naming `field` unless it is exactly one
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
