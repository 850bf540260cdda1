import type { Generation } from "../../ports/records.ts";
import { checkWholeNumber } from "../../service/generations/generation-input.ts";
import type { GraphQLContext } from "./context.ts";
import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from "./type-graphql.ts";
import { EditImagesInput, toImageReference } from "./types/edit-images-input.ts";
import { GenerateImagesInput } from "./types/generate-images-input.ts";
import { GenerationConnectionType, GenerationsArgs, toPageRequest } from "./types/generation-connection.ts";
import { GenerationType, ImageType } from "./types/generation-type.ts";
import { ModelType } from "./types/model-type.ts";
import { NodeType, typeOf } from "./types/node-type.ts";
import { ApiKeyType, ProjectType } from "./types/projects/project-type.ts";
import { QuoteType } from "./types/quote-type.ts";
import { withoutNulls } from "./types/without-nulls.ts";

const DEFAULT_WAIT_SECONDS = 90;
const MAX_WAIT_SECONDS = 600;

@Resolver()
export class ImageResolver {
  @Query(() => ImageType, { nullable: true, description: "The image with this id; null when there is none." })
  async image(@Arg("id", () => ID, { description: "`img_…`" }) id: string, @Ctx() { loaders }: GraphQLContext) {
    const image = await loaders.image.load(id);
    return image ? new ImageType(image) : null;
  }

  @Query(() => GenerationType, { nullable: true, description: "The generation with this id; null when there is none." })
  async generation(@Arg("id", () => ID, { description: "`gen_…`" }) id: string, @Ctx() context: GraphQLContext) {
    const generation = await context.loaders.generation.load(id);
    return generation ? toAnswer(generation, context) : null;
  }

  @Query(() => GenerationConnectionType, { description: "Your generations, newest first, as a Relay connection." })
  async generations(
    @Args(() => GenerationsArgs) args: GenerationsArgs,
    @Ctx() { request, service, loaders }: GraphQLContext,
  ) {
    const page = await service.page(request.caller, toPageRequest(args));
    for (const generation of page.generations) loaders.generation.prime(generation.id, generation);
    return new GenerationConnectionType(page);
  }

  @Query(() => [ModelType], { description: "The models that can be asked for today." })
  models(@Ctx() { service }: GraphQLContext) {
    const { living, defaultId } = service.models;
    return living.map((model) => new ModelType(model, defaultId));
  }

  @Query(() => QuoteType, {
    description:
      "What these images would cost; nothing is accepted, and nothing spent. It refuses what would be refused.",
  })
  quote(
    @Arg("input", () => GenerateImagesInput, { description: "What would be made; how long to wait changes nothing." })
    input: GenerateImagesInput,
    @Ctx() { request, service }: GraphQLContext,
  ) {
    const { waitSeconds: _, ...asked } = withoutNulls(input);
    const quote = service.quote(asked);
    request.onSunset?.(service.sunsetOf({ model: quote.model.id }));
    return new QuoteType(quote);
  }

  @Query(() => NodeType, { nullable: true, description: "The node with this id, for Relay; null when there is none." })
  async node(@Arg("id", () => ID, { description: "Of any kind" }) id: string, @Ctx() context: GraphQLContext) {
    switch (typeOf(id)) {
      case "Image":
        return this.image(id, context);
      case "Generation":
        return this.generation(id, context);
      case "Project": {
        const project = await context.loaders.project.load(id);
        return project ? new ProjectType(project) : null;
      }
      case "ApiKey": {
        const apiKey = await context.loaders.apiKey.load(id);
        return apiKey ? new ApiKeyType(apiKey) : null;
      }
    }
  }

  @Mutation(() => GenerationType, {
    description:
      "Makes images. Accepted means durable: the generation goes on when you leave, and is found by its id or its idempotency key. A refusal by the provider is a generation with a `failure`, not an error.",
  })
  async generateImages(
    @Arg("input", () => GenerateImagesInput, { description: "What to make." }) input: GenerateImagesInput,
    @Ctx() context: GraphQLContext,
  ) {
    const { request, service, allowance } = context;
    const { waitSeconds = DEFAULT_WAIT_SECONDS, ...asked } = withoutNulls(input);
    checkWholeNumber("waitSeconds", waitSeconds, 0, MAX_WAIT_SECONDS);
    allowance.takeImages(asked.n);
    const accepted = await service.submit(request.caller, { idempotencyKey: request.idempotencyKey, ...asked });
    return toAnswer(await service.wait(accepted, waitSeconds * 1000), context);
  }

  @Mutation(() => GenerationType, {
    description:
      "Changes images, or makes new ones after them. Accepted means durable, as with `generateImages`: the images are stored before it is accepted, and removed when it has ended.",
  })
  async editImages(
    @Arg("input", () => EditImagesInput, { description: "What to change, and into what." }) input: EditImagesInput,
    @Ctx() context: GraphQLContext,
  ) {
    const { request, service, allowance } = context;
    const { waitSeconds = DEFAULT_WAIT_SECONDS, images, mask, ...asked } = withoutNulls(input);
    checkWholeNumber("waitSeconds", waitSeconds, 0, MAX_WAIT_SECONDS);
    allowance.takeImages(asked.n);
    const { idempotencyKey, rootUrl, caller } = request;
    const references = images.map((image) => toImageReference("images", image, rootUrl));
    const accepted = await service.submitEdit(caller, {
      idempotencyKey,
      ...asked,
      images: await Promise.all(references),
      mask: mask && (await toImageReference("mask", mask, rootUrl)),
    });
    return toAnswer(await service.wait(accepted, waitSeconds * 1000), context);
  }

  @Mutation(() => GenerationType, {
    description:
      "Stops a generation: one that waits is never submitted, one in the provider's hands is cut off and may have been billed. One that has ended stays as it is.",
  })
  async cancelGeneration(@Arg("id", () => ID, { description: "`gen_…`" }) id: string, @Ctx() context: GraphQLContext) {
    return toAnswer(await context.service.cancel(context.request.caller, id), context);
  }

  @Mutation(() => ID, {
    description:
      "Removes a generation with its images and all their derivatives, and answers its id. It is canceled first.",
  })
  async deleteGeneration(
    @Arg("id", () => ID, { description: "`gen_…`" }) id: string,
    @Ctx() { request, service }: GraphQLContext,
  ) {
    await service.delete(request.caller, id);
    return id;
  }
}

function toAnswer(generation: Generation, { request, service }: GraphQLContext): GenerationType {
  request.onSunset?.(service.sunsetOf(generation));
  return new GenerationType(generation);
}
