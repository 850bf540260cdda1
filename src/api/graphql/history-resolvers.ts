import type { GraphQLContext } from "./context.ts";
import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from "./type-graphql.ts";
import { ImageType } from "./types/generations/generation-type.ts";
import { GenerationConnectionType, GenerationsArgs, toPageRequest } from "./types/history/generation-connection.ts";
import { ImageConnectionType, ImagesArgs, toImagePageRequest } from "./types/history/image-connection.ts";

/** The lists of generations and images, with the mutations that mark or delete their items. */
@Resolver()
export class HistoryResolver {
  @Query(() => GenerationConnectionType, { description: "Your generations, newest first, as a Relay connection." })
  async generations(
    @Args(() => GenerationsArgs) args: GenerationsArgs,
    @Ctx() { request, service, loaders }: GraphQLContext,
  ): Promise<GenerationConnectionType> {
    const asked = toPageRequest(args);
    const page = await service.page(request.caller, asked);
    for (const generation of page.items) loaders.generation.prime(generation.id, generation);
    return new GenerationConnectionType(page, asked);
  }

  @Query(() => ImageConnectionType, {
    description:
      "Your images, as a Relay connection: those of the newest generation first, and those of one generation by their index.",
  })
  async images(
    @Args(() => ImagesArgs) args: ImagesArgs,
    @Ctx() { request, service, loaders }: GraphQLContext,
  ): Promise<ImageConnectionType> {
    const asked = toImagePageRequest(args);
    const page = await service.imagePage(request.caller, asked);
    for (const image of page.items) loaders.image.prime(image.id, image);
    return new ImageConnectionType(page, asked);
  }

  @Mutation(() => ImageType, { description: "Marks an image as a favorite, or takes the mark away." })
  async setFavorite(
    @Arg("imageId", () => ID, { description: "`img_…`" }) imageId: string,
    @Arg("isFavorite", () => Boolean, { description: "Whether it is one from now on." }) isFavorite: boolean,
    @Ctx() { request, service }: GraphQLContext,
  ): Promise<ImageType> {
    return new ImageType(await service.setFavorite(request.caller, imageId, isFavorite));
  }

  @Mutation(() => ID, {
    description: "Removes an image with all its derivatives, and answers its id. Its generation stays.",
  })
  async deleteImage(
    @Arg("id", () => ID, { description: "`img_…`" }) id: string,
    @Ctx() { request, service }: GraphQLContext,
  ): Promise<string> {
    await service.deleteImage(request.caller, id);
    return id;
  }

  @Mutation(() => [ID], {
    description:
      "Removes generations, as `deleteGeneration` does, and answers the ids of those that were removed. Unknown ids, and those of others, are left out.",
  })
  async deleteGenerations(
    @Arg("ids", () => [ID], { description: "At most 100 times `gen_…`." }) ids: string[],
    @Ctx() { request, service }: GraphQLContext,
  ): Promise<readonly string[]> {
    return service.deleteAll(request.caller, ids);
  }
}
