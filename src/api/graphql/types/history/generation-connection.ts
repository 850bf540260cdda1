import type { Generation, GenerationStatus } from "../../../../ports/records.ts";
import type { PageRequest } from "../../../../service/generations/history/history-pages.ts";
import type { ListPage } from "../../../../service/projects/list-page.ts";
import type { GraphQLContext } from "../../context.ts";
import { ArgsType, Ctx, Field, Int, ObjectType } from "../../type-graphql.ts";
import { GenerationStatusEnum } from "../enums.ts";
import { GenerationType } from "../generations/generation-type.ts";
import { withoutNulls } from "../without-nulls.ts";
import { GenerationFilter, toFilterInput } from "./history-filter-type.ts";
import { PageInfoType, parseCursor, TOTAL_COUNT, toCursor } from "./page-info-type.ts";

@ArgsType()
export class GenerationsArgs {
  @Field(() => Int, {
    nullable: true,
    description:
      "Returns at most this many of the newest generations: 0 to 100. If neither `first` nor `last` is given, 20.",
  })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only generations older than the one at this cursor." })
  after?: string;

  @Field(() => Int, {
    nullable: true,
    description:
      "Returns at most this many of the oldest generations: 0 to 100. With `first`, the oldest of those that `first` selects.",
  })
  last?: number;

  @Field(() => String, { nullable: true, description: "Only generations newer than the one at this cursor." })
  before?: string;

  @Field(() => GenerationStatusEnum, { nullable: true, description: "Only generations with this status." })
  status?: GenerationStatus;

  @Field(() => GenerationFilter, { nullable: true, description: "Only generations that match all of it." })
  filter?: GenerationFilter;
}

@ObjectType("GenerationEdge", { description: "A generation's place in the list." })
class GenerationEdgeType {
  @Field(() => String, { description: "The opaque cursor, for `after` and `before`." })
  cursor!: string;

  @Field(() => GenerationType, { description: "The generation itself." })
  node!: GenerationType;
}

@ObjectType("GenerationConnection", { description: "A page of generations, newest first." })
export class GenerationConnectionType {
  readonly #request: PageRequest;

  @Field(() => [GenerationEdgeType], { description: "The generations with their cursors." })
  edges: GenerationEdgeType[];

  @Field(() => [GenerationType], { description: "The generations without their cursors." })
  get nodes(): GenerationType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "The position of the page in the list." })
  pageInfo: PageInfoType;

  @Field(() => Int, { description: TOTAL_COUNT })
  totalCount(@Ctx() { request, service }: GraphQLContext): Promise<number> {
    return service.countGenerations(request.caller, this.#request);
  }

  constructor({ items, hasNextPage, hasPreviousPage }: ListPage<Generation>, request: PageRequest) {
    this.#request = request;
    this.edges = items.map((generation) => ({
      cursor: toCursor(generation.id),
      node: new GenerationType(generation),
    }));
    this.pageInfo = {
      hasNextPage,
      hasPreviousPage,
      startCursor: this.edges.at(0)?.cursor ?? null,
      endCursor: this.edges.at(-1)?.cursor ?? null,
    };
  }
}

/** @throws BAD_USER_INPUT naming the argument that is not a cursor of this list */
export function toPageRequest(args: GenerationsArgs): PageRequest {
  const { after, before, filter, ...rest } = withoutNulls(args);
  return {
    ...rest,
    ...(filter && { filter: toFilterInput(filter) }),
    ...(after !== undefined && { after: parseCursor("after", after, "gen") }),
    ...(before !== undefined && { before: parseCursor("before", before, "gen") }),
  };
}
