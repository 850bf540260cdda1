import { badInput } from "../../../errors.ts";
import { ArgsType, Field, Int, ObjectType } from "../type-graphql.ts";

@ObjectType("PageInfo", { description: "Where a page lies in the whole list." })
export class PageInfoType {
  @Field(() => Boolean, {
    description: "Whether there are older ones, up to `before` where a page is read with `first`.",
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description: "Whether there are newer ones, up to `after` where a page is read with `last`.",
  })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: "Cursor of the first one of the page." })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: "Cursor of the last one of the page." })
  endCursor!: string | null;
}

@ArgsType()
export class ForwardArgs {
  @Field(() => Int, { nullable: true, description: "How many from the newest end: 0 to 100. 20 when left out." })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only what is older than this cursor's." })
  after?: string;
}

export function toCursor(id: string): string {
  return Buffer.from(id).toString("base64url");
}

/**
 * @param prefix of the list's ids: `gen`
 * @throws BAD_USER_INPUT naming the cursor that is none of ours
 */
export function parseCursor(field: string, cursor: string, prefix: string): string {
  const id = Buffer.from(cursor, "base64url").toString();
  const isOurs = id.startsWith(`${prefix}_`) && /^[a-z]+_([0-9a-z]{26}|public)$/.test(id) && toCursor(id) === cursor;
  if (!isOurs) throw badInput(field, `${field} must be a cursor that this list gave out`);
  return id;
}
