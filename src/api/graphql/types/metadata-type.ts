import type { MetadataEntry } from "../../../ports/records.ts";
import { Field, InputType, ObjectType } from "../type-graphql.ts";

@ObjectType("MetadataEntry", { description: "Something that the caller attached to a generation." })
export class MetadataEntryType implements MetadataEntry {
  @Field(() => String, { description: "Its name, once in a generation." })
  key!: string;

  @Field(() => String, { description: "Its value." })
  value!: string;
}

@InputType("MetadataEntryInput", { description: "Something to attach to a generation." })
export class MetadataEntryInput implements MetadataEntry {
  @Field(() => String, { description: "1 to 64 characters." })
  key!: string;

  @Field(() => String, { description: "At most 512 characters." })
  value!: string;
}
