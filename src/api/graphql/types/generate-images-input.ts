import type { Background, ImageFormat, Quality } from "../../../ports/image-provider.ts";
import { Field, InputType, Int } from "../type-graphql.ts";
import { BackgroundEnum, ImageFormatEnum, QualityEnum } from "./enums.ts";
import { MetadataEntryInput } from "./metadata-type.ts";
import { ImageSizeScalar } from "./scalars.ts";

/** What generations and edits have in common. */
@InputType()
export abstract class ImagesInput {
  @Field(() => String, { description: "What the images show: 1 to 32,000 characters." })
  prompt!: string;

  @Field(() => Int, { nullable: true, defaultValue: 1, description: "How many images: 1 to 10." })
  n?: number;

  @Field(() => String, { nullable: true, description: "One of `models`; the default model when left out." })
  model?: string;

  @Field(() => QualityEnum, {
    nullable: true,
    defaultValue: QualityEnum.AUTO,
    description: "A model that cannot do it takes the nearest lower one, with a warning.",
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
    description: "What is behind the subject.",
  })
  background?: Background;

  @Field(() => Int, {
    nullable: true,
    description: "The same seed gives the same images, where the model can; elsewhere it is ignored with a warning.",
  })
  seed?: number;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description:
      "Previews of each image while it is made, 0 to 3, seen by who subscribes to `generationEvents`. A model that shows none, or none of so many images, makes none, with a warning.",
  })
  partialImages?: number;

  @Field(() => String, {
    nullable: true,
    description:
      "The same key with the same input gives the same generation for 24 hours, so that a repeated request is not paid twice. The `Idempotency-Key` header does the same.",
  })
  idempotencyKey?: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The end user to record with the generation: 1 to 255 characters. It restricts nothing, and counts only where the request itself names no end user.",
  })
  endUser?: string;

  @Field(() => [MetadataEntryInput], {
    nullable: true,
    description: "What to keep with the generation: at most 16 entries, each key once.",
  })
  metadata?: MetadataEntryInput[];

  @Field(() => Int, {
    nullable: true,
    defaultValue: 90,
    description:
      "Seconds to wait for the images: 0 to 600. When they run out the generation is answered as it stands, and goes on.",
  })
  waitSeconds?: number;
}

@InputType("GenerateImagesInput", { description: "What to make." })
export class GenerateImagesInput extends ImagesInput {
  @Field(() => ImageSizeScalar, {
    nullable: true,
    defaultValue: "1024x1024",
    description: "The exact size of every image: 64 to 3840 pixels a side, ratio 1:3 to 3:1.",
  })
  size?: string;
}
