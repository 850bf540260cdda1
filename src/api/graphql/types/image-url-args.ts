import type { Fit } from "../../../ports/image-codec.ts";
import type { ImageFormat } from "../../../ports/image-provider.ts";
import { ArgsType, Field, Int } from "../type-graphql.ts";
import { FitEnum, ImageFormatEnum } from "./enums.ts";

@ArgsType()
export class ImageUrlArgs {
  @Field(() => Int, {
    nullable: true,
    description: "Width in pixels, 1 to 3840. If absent, it follows from the height.",
  })
  width?: number;

  @Field(() => Int, {
    nullable: true,
    description: "Height in pixels, 1 to 3840. If absent, it follows from the width.",
  })
  height?: number;

  @Field(() => FitEnum, {
    nullable: true,
    defaultValue: FitEnum.COVER,
    description: "How the image is fitted into the box of that size.",
  })
  fit?: Fit;

  @Field(() => ImageFormatEnum, { nullable: true, description: "The format. If absent, the stored one." })
  format?: ImageFormat;

  @Field(() => Int, { nullable: true, description: "1 to 100, for lossy formats." })
  quality?: number;

  @Field(() => Int, {
    nullable: true,
    description:
      "The least time that the URL works, in seconds: 60 to 604800. If absent, the gateway's setting. It is rounded up by at most five minutes, so that requests within that time get the same URL.",
  })
  expiresIn?: number;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      "Whether to deliver the file as the model sent it: with its content credentials, in its own size and format. Cannot be combined with width, height, format or quality.",
  })
  original?: boolean;
}
