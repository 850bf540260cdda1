import { toSizeText } from "../../../../service/images/sizes.ts";
import type { Quote, QuoteBasis } from "../../../../service/models/quote.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, Int, ObjectType } from "../../type-graphql.ts";
import { QuoteBasisEnum } from "../enums.ts";
import { ModelType } from "../models/model-type.ts";
import { ImageSizeScalar, UsdScalar } from "../scalars.ts";
import { WarningType } from "./warning-type.ts";

@ObjectType("Quote", {
  description:
    "The expected cost of a generation. The number of text tokens is an estimate. If the model chooses the quality, the bounds cover every quality. Both bounds are null if the cost is not known.",
})
export class QuoteType {
  readonly #quote: Quote;

  constructor(quote: Quote) {
    this.#quote = quote;
  }

  @Field(() => ModelType, { description: "The model that would be used." })
  model(@Ctx() { service }: GraphQLContext): ModelType {
    return new ModelType(this.#quote.model, service.models.defaultId);
  }

  @Field(() => Int, { description: "The number of images." })
  get n(): number {
    return this.#quote.n;
  }

  @Field(() => ImageSizeScalar, { description: "The size that the gateway would request from the model." })
  get generatedSize(): string {
    return toSizeText(this.#quote.modelSize);
  }

  @Field(() => UsdScalar, { nullable: true, description: "The lowest possible cost. Null if it is not known." })
  get minCost(): string | null {
    return this.#quote.cost?.min ?? null;
  }

  @Field(() => UsdScalar, { nullable: true, description: "The highest possible cost. Null if it is not known." })
  get maxCost(): string | null {
    return this.#quote.cost?.max ?? null;
  }

  @Field(() => QuoteBasisEnum, { description: "The data that the cost was calculated from." })
  get basis(): QuoteBasis {
    return this.#quote.basis;
  }

  @Field(() => String, { description: "How the cost was calculated, or what is not known, for people." })
  get explanation(): string {
    return this.#quote.explanation;
  }

  @Field(() => [String], { description: "The pages that publish the prices and token counts." })
  get sources(): readonly string[] {
    return this.#quote.sources;
  }

  @Field(() => [WarningType], { description: "What the gateway would do differently from the request." })
  get warnings(): readonly WarningType[] {
    return this.#quote.warnings;
  }
}
