import type { TokenDetails, TokenUsage } from "../../../../ports/image-provider.ts";
import { Field, Int, ObjectType } from "../../type-graphql.ts";

@ObjectType("TokenDetails", { description: "A number of tokens, by kind." })
class TokenDetailsType implements TokenDetails {
  @Field(() => Int, { description: "Tokens of text." })
  textTokens!: number;

  @Field(() => Int, { description: "Tokens of images." })
  imageTokens!: number;
}

@ObjectType("TokenUsage", { description: "The tokens that the provider reports as used." })
export class TokenUsageType implements TokenUsage {
  @Field(() => Int, { description: "Input tokens, of text and images." })
  inputTokens!: number;

  @Field(() => Int, { description: "Output tokens." })
  outputTokens!: number;

  @Field(() => Int, { description: "Input and output tokens together." })
  totalTokens!: number;

  @Field(() => TokenDetailsType, {
    nullable: true,
    description: "Input tokens by kind. Null if the provider does not report them.",
  })
  inputDetails?: TokenDetailsType;

  @Field(() => TokenDetailsType, {
    nullable: true,
    description: "Output tokens by kind. Null if the provider does not report them.",
  })
  outputDetails?: TokenDetailsType;
}
