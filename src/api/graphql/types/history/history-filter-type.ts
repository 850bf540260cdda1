import type { Operation } from "../../../../ports/image-provider.ts";
import type { GenerationStatus } from "../../../../ports/records.ts";
import type { FilterInput } from "../../../../service/generations/history/history-filter.ts";
import { Field, InputType } from "../../type-graphql.ts";
import { GenerationStatusEnum, OperationEnum } from "../enums.ts";
import { MetadataEntryInput } from "../metadata-type.ts";
import { DateTimeScalar } from "../scalars.ts";
import { withoutNulls } from "../without-nulls.ts";

@InputType("HistoryFilter", { description: "The fields that both filters have." })
abstract class HistoryFilterInput {
  @Field(() => String, {
    nullable: true,
    description:
      "Words of the prompt, in any order. Each must begin a word of it. Case and accents are ignored. Each character of Chinese and Japanese is a word. At most 500 characters and 32 words. Text without any word leaves nothing out.",
  })
  search?: string;

  @Field(() => GenerationStatusEnum, { nullable: true, description: "The state of the generation." })
  status?: GenerationStatus;

  @Field(() => String, { nullable: true, description: "The id of the model that is used." })
  model?: string;

  @Field(() => OperationEnum, { nullable: true, description: "Whether it generates images or edits them." })
  operation?: Operation;

  @Field(() => String, { nullable: true, description: "The end user that the generation was made for." })
  endUser?: string;

  @Field(() => DateTimeScalar, { nullable: true, description: "Accepted at this moment or later." })
  createdAfter?: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: "Accepted before this moment." })
  createdBefore?: Date;

  @Field(() => [MetadataEntryInput], {
    nullable: true,
    description: "Entries that the caller stored with the generation. It must have all of them. At most 16.",
  })
  metadata?: MetadataEntryInput[];
}

@InputType("GenerationFilter", {
  description: "Selects generations. What is left out, or null, stands for any. A generation must match all of it.",
})
export class GenerationFilter extends HistoryFilterInput {
  @Field(() => Boolean, {
    nullable: true,
    description: "True: at least one of its images is a favorite. False: none is.",
  })
  isFavorite?: boolean;
}

@InputType("ImageFilter", {
  description:
    "Selects images, by themselves and by their generation. What is left out, or null, stands for any. An image must match all of it.",
})
export class ImageFilter extends HistoryFilterInput {
  @Field(() => Boolean, { nullable: true, description: "Whether the image is a favorite." })
  isFavorite?: boolean;
}

export function toFilterInput(filter: GenerationFilter | ImageFilter): FilterInput {
  return withoutNulls(filter);
}
