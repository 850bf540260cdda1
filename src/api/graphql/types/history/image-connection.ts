import { badInput } from "../../../../errors.ts";
import type { ImagePlace } from "../../../../ports/history.ts";
import type { Image } from "../../../../ports/records.ts";
import type { PageRequest } from "../../../../service/generations/history/history-pages.ts";
import type { ListPage } from "../../../../service/projects/list-page.ts";
import type { GraphQLContext } from "../../context.ts";
import { ArgsType, Ctx, Field, Int, ObjectType } from "../../type-graphql.ts";
import { ImageType } from "../generations/generation-type.ts";
import { withoutNulls } from "../without-nulls.ts";
import { ImageFilter, toFilterInput } from "./history-filter-type.ts";
import { PageInfoType, TOTAL_COUNT, toCursor } from "./page-info-type.ts";

@ArgsType()
export class ImagesArgs {
  @Field(() => ImageFilter, { nullable: true, description: "Only images that match all of it." })
  filter?: ImageFilter;

  @Field(() => Int, {
    nullable: true,
    description:
      "Returns at most this many images from the start: 0 to 100. If neither `first` nor `last` is given, 20.",
  })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only images that come after the one at this cursor." })
  after?: string;

  @Field(() => Int, {
    nullable: true,
    description:
      "Returns at most this many images from the end: 0 to 100. With `first`, the last of those that `first` selects.",
  })
  last?: number;

  @Field(() => String, { nullable: true, description: "Only images that come before the one at this cursor." })
  before?: string;
}

@ObjectType("ImageEdge", { description: "An image's place in the list." })
class ImageEdgeType {
  @Field(() => String, { description: "The opaque cursor, for `after` and `before`." })
  cursor!: string;

  @Field(() => ImageType, { description: "The image itself." })
  node!: ImageType;
}

@ObjectType("ImageConnection", {
  description: "A page of images: those of the newest generation first, and those of one generation by their index.",
})
export class ImageConnectionType {
  readonly #request: PageRequest<ImagePlace>;

  @Field(() => [ImageEdgeType], { description: "The images with their cursors." })
  edges: ImageEdgeType[];

  @Field(() => [ImageType], { description: "The images without their cursors." })
  get nodes(): ImageType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "The position of the page in the list." })
  pageInfo: PageInfoType;

  @Field(() => Int, { description: TOTAL_COUNT })
  totalCount(@Ctx() { request, service }: GraphQLContext): Promise<number> {
    return service.countImages(request.caller, this.#request);
  }

  constructor({ items, hasNextPage, hasPreviousPage }: ListPage<Image>, request: PageRequest<ImagePlace>) {
    this.#request = request;
    this.edges = items.map((image) => ({ cursor: toImageCursor(image), node: new ImageType(image) }));
    this.pageInfo = {
      hasNextPage,
      hasPreviousPage,
      startCursor: this.edges.at(0)?.cursor ?? null,
      endCursor: this.edges.at(-1)?.cursor ?? null,
    };
  }
}

/** @throws BAD_USER_INPUT naming the argument that is not a cursor of this list */
export function toImagePageRequest(args: ImagesArgs): PageRequest<ImagePlace> {
  const { after, before, filter, ...rest } = withoutNulls(args);
  return {
    ...rest,
    ...(filter && { filter: toFilterInput(filter) }),
    ...(after !== undefined && { after: parseImageCursor("after", after) }),
    ...(before !== undefined && { before: parseImageCursor("before", before) }),
  };
}

function toImageCursor({ generationId, index }: ImagePlace): string {
  return toCursor(`${generationId}/${index}`);
}

function parseImageCursor(field: string, cursor: string): ImagePlace {
  const [, generationId = "", index] =
    /^(gen_[0-9a-z]{26})\/(\d)$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  const place = { generationId, index: Number(index) };
  if (toImageCursor(place) === cursor) return place;
  throw badInput(field, `${field} must be a cursor from this list`);
}
