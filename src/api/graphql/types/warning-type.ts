import type { Warning } from "../../../ports/records.ts";
import { Field, ObjectType } from "../type-graphql.ts";

@ObjectType("Warning", { description: "Something that was done otherwise than asked." })
export class WarningType implements Warning {
  @Field(() => String, { description: "The kind of warning, to switch on: `MODEL_REPLACED`." })
  code!: string;

  @Field(() => String, { description: "What was done instead, for people." })
  message!: string;
}
