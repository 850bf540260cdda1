import type { Background, ImageFormat, Quality } from "../../../../ports/image-provider.ts";
import { Field, InputType, Int } from "../../type-graphql.ts";
import { BackgroundEnum, ImageFormatEnum, QualityEnum } from "../enums.ts";
import { MetadataEntryInput } from "../metadata-type.ts";
import { ImageSizeScalar } from "../scalars.ts";

/** The input fields that generations and edits share. */
@InputType()
export abstract class ImagesInput {
  @Field(() => String, { description: "What the images show: 1 to 32,000 characters." })
  prompt!: string;

  @Field(() => Int, { nullable: true, defaultValue: 1, description: "How many images: 1 to 10." })
  n?: number;

  @Field(() => String, { nullable: true, description: "The id of one of `models`. If absent, the default model." })
  model?: string;

  @Field(() => QualityEnum, {
    nullable: true,
    defaultValue: QualityEnum.AUTO,
    description: "A model that lacks this quality uses the nearest lower one and adds a warning.",
  })
  quality?: Quality;

  @Field(() => ImageFormatEnum, {
    nullable: true,
    defaultValue: ImageFormatEnum.PNG,
    description: "The format the images are stored in.",
  })
  format?: ImageFormat;

  @Field(() => BackgroundEnum, {
    nullable: true,
    defaultValue: BackgroundEnum.AUTO,
    description: "The background behind the subject.",
  })
  background?: Background;

  @Field(() => Int, {
    nullable: true,
    description:
      "If the model supports seeds, the same seed gives the same images. Other models ignore it and add a warning.",
  })
  seed?: number;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description:
      "How many previews of each image to make: 0 to 3. Subscribe to `generationEvents` to see them. A model that cannot make previews, or not for this many images, makes none and adds a warning.",
  })
  partialImages?: number;

  @Field(() => String, {
    nullable: true,
    description:
      "For 24 hours, the same key with the same input returns the same generation, so a repeated request is not paid twice. The `Idempotency-Key` header does the same.",
  })
  idempotencyKey?: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The end user to record with the generation: 1 to 255 characters. It restricts nothing. It is used only if the request itself names no end user.",
  })
  endUser?: string;

  @Field(() => [MetadataEntryInput], {
    nullable: true,
    description: "Entries to store with the generation: at most 16, each key once.",
  })
  metadata?: MetadataEntryInput[];

  @Field(() => Int, {
    nullable: true,
    defaultValue: 90,
    description:
      "Seconds to wait for the images: 0 to 600. After that time the answer shows the generation as it is, and the generation continues.",
  })
  waitSeconds?: number;
}

@InputType("GenerateImagesInput", { description: "Describes the images to generate." })
export class GenerateImagesInput extends ImagesInput {
  @Field(() => ImageSizeScalar, {
    nullable: true,
    defaultValue: "1024x1024",
    description: "The exact size of every image: 64 to 3840 pixels a side, ratio 1:3 to 3:1.",
  })
  size?: string;
}
