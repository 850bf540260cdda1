import type { MetadataEntry } from "../../../ports/records.ts";
import { Field, InputType, ObjectType } from "../type-graphql.ts";

@ObjectType("MetadataEntry", { description: "A key and a value that the caller stored with a generation." })
export class MetadataEntryType implements MetadataEntry {
  @Field(() => String, { description: "The key. Unique within a generation." })
  key!: string;

  @Field(() => String, { description: "The value." })
  value!: string;
}

@InputType("MetadataEntryInput", { description: "A key and a value to store with a generation." })
export class MetadataEntryInput implements MetadataEntry {
  @Field(() => String, { description: "1 to 64 characters." })
  key!: string;

  @Field(() => String, { description: "At most 512 characters." })
  value!: string;
}
