import { badInput } from "../../../../errors.ts";
import { ArgsType, Field, Int, ObjectType } from "../../type-graphql.ts";

@ObjectType("PageInfo", { description: "The position of a page in the whole list." })
export class PageInfoType {
  @Field(() => Boolean, {
    description: "Whether there are older entries. With `first`, only those newer than `before` count.",
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description: "Whether there are newer entries. With `last`, only those older than `after` count.",
  })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: "The cursor of the first entry of the page. Null if the page is empty.",
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The cursor of the last entry of the page. Null if the page is empty.",
  })
  endCursor!: string | null;
}

/** The description of `totalCount`, which every list of the history has. */
export const TOTAL_COUNT =
  "How many there are in the whole list, whatever the page. Exact up to 10,000; 10,001 means that there are more.";

@ArgsType()
export class ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: "Returns at most this many of the newest entries: 0 to 100. If absent, 20.",
  })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only entries older than the one at this cursor." })
  after?: string;
}

export function toCursor(id: string): string {
  return Buffer.from(id).toString("base64url");
}

/**
 * @param prefix the prefix of the list's ids: `gen`
 * @throws BAD_USER_INPUT naming the argument that is not a cursor of this list
 */
export function parseCursor(field: string, cursor: string, prefix: string): string {
  const id = Buffer.from(cursor, "base64url").toString();
  const isOurs = id.startsWith(`${prefix}_`) && /^[a-z]+_([0-9a-z]{26}|public)$/.test(id) && toCursor(id) === cursor;
  if (!isOurs) throw badInput(field, `${field} must be a cursor from this list`);
  return id;
}
