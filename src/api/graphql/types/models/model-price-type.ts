import type { ModelPrice, TokenPrices } from "../../../../ports/image-provider.ts";
import { Field, ObjectType } from "../../type-graphql.ts";
import { UsdScalar } from "../scalars.ts";

@ObjectType("TokenPrices", { description: "The prices of a million tokens of each kind. Null if not known." })
export class TokenPricesType {
  readonly #prices: TokenPrices;

  constructor(prices: TokenPrices) {
    this.#prices = prices;
  }

  @Field(() => UsdScalar, { nullable: true, description: "A million tokens of the prompt." })
  get textInput(): string | null {
    return this.#prices.textInput ?? null;
  }

  @Field(() => UsdScalar, { nullable: true, description: "A million tokens of the input images." })
  get imageInput(): string | null {
    return this.#prices.imageInput ?? null;
  }

  @Field(() => UsdScalar, { nullable: true, description: "A million tokens of text that the model writes." })
  get textOutput(): string | null {
    return this.#prices.textOutput ?? null;
  }

  @Field(() => UsdScalar, { nullable: true, description: "A million tokens of the images that the model makes." })
  get imageOutput(): string | null {
    return this.#prices.imageOutput ?? null;
  }
}

@ObjectType("ModelPrice", {
  description: "What a model costs. If both prices are given, they are added. `quote` gives the cost of an order.",
})
export class ModelPriceType {
  readonly #price: ModelPrice;

  constructor(price: ModelPrice) {
    this.#price = price;
  }

  @Field(() => String, { description: "The first day of this price in UTC, YYYY-MM-DD." })
  get from(): string {
    return this.#price.from;
  }

  @Field(() => String, { description: "Where the price is published." })
  get source(): string {
    return this.#price.source;
  }

  @Field(() => UsdScalar, { nullable: true, description: "The price of each image. Null if images have none." })
  get perImage(): string | null {
    return this.#price.perImage ?? null;
  }

  @Field(() => TokenPricesType, { nullable: true, description: "The prices of tokens. Null if tokens have none." })
  get perMillionTokens(): TokenPricesType | null {
    const { perMillionTokens } = this.#price;
    return perMillionTokens ? new TokenPricesType(perMillionTokens) : null;
  }
}
