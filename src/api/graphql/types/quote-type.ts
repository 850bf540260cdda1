import { toSizeText } from "../../../service/images/sizes.ts";
import type { Quote, QuoteBasis } from "../../../service/models/quote.ts";
import type { GraphQLContext } from "../context.ts";
import { Ctx, Field, Int, ObjectType } from "../type-graphql.ts";
import { QuoteBasisEnum } from "./enums.ts";
import { ModelType } from "./model-type.ts";
import { ImageSizeScalar, UsdScalar } from "./scalars.ts";
import { WarningType } from "./warning-type.ts";

@ObjectType("Quote", {
  description:
    "What a generation would cost. Text is counted roughly, and a quality that is the model's to choose may be any; both bounds are null where it is not known.",
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

  @Field(() => Int, { description: "How many images." })
  get n(): number {
    return this.#quote.n;
  }

  @Field(() => ImageSizeScalar, { description: "The size the model would be asked for." })
  get generatedSize(): string {
    return toSizeText(this.#quote.modelSize);
  }

  @Field(() => UsdScalar, { nullable: true, description: "The least it would cost; null where that is not known." })
  get minCost(): string | null {
    return this.#quote.cost?.min ?? null;
  }

  @Field(() => UsdScalar, { nullable: true, description: "The most it would cost; null where that is not known." })
  get maxCost(): string | null {
    return this.#quote.cost?.max ?? null;
  }

  @Field(() => QuoteBasisEnum, { description: "What it was reckoned from." })
  get basis(): QuoteBasis {
    return this.#quote.basis;
  }

  @Field(() => String, { description: "How it was reckoned, or what is not known, for people." })
  get explanation(): string {
    return this.#quote.explanation;
  }

  @Field(() => [String], { description: "Where the prices and the numbers of tokens are published." })
  get sources(): readonly string[] {
    return this.#quote.sources;
  }

  @Field(() => [WarningType], { description: "What would be done otherwise than asked." })
  get warnings(): readonly WarningType[] {
    return this.#quote.warnings;
  }
}
