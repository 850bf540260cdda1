import type { Warning } from "../../../../ports/records.ts";
import { Field, ObjectType } from "../../type-graphql.ts";

@ObjectType("Warning", { description: "Something that the gateway did differently from the request." })
export class WarningType implements Warning {
  @Field(() => String, { description: "The kind of warning, for programs: `MODEL_REPLACED`." })
  code!: string;

  @Field(() => String, { description: "What the gateway did instead, for people." })
  message!: string;
}
