import type { Generation } from "../../ports/records.ts";
import type { EditReferences, ImageReference } from "../../service/edits/edit-intake.ts";
import { checkWholeNumber } from "../../service/generations/generation-input.ts";
import type { GraphQLContext, OperationRequest } from "./context.ts";
import { Arg, Ctx, ID, Mutation, Query, Resolver } from "./type-graphql.ts";
import { EditImagesInput, toImageReference } from "./types/generations/edit-images-input.ts";
import { GenerateImagesInput } from "./types/generations/generate-images-input.ts";
import { GenerationType, ImageType } from "./types/generations/generation-type.ts";
import { QuoteType } from "./types/generations/quote-type.ts";
import { ModelType } from "./types/models/model-type.ts";
import { NodeType, typeOf } from "./types/node-type.ts";
import { ApiKeyType, ProjectType } from "./types/projects/project-type.ts";
import { withoutNulls } from "./types/without-nulls.ts";

const DEFAULT_WAIT_SECONDS = 90;
const MAX_WAIT_SECONDS = 600;

@Resolver()
export class ImageResolver {
  @Query(() => ImageType, { nullable: true, description: "The image with this id. Null if you have no such image." })
  async image(@Arg("id", () => ID, { description: "`img_…`" }) id: string, @Ctx() { loaders }: GraphQLContext) {
    const image = await loaders.image.load(id);
    return image ? new ImageType(image) : null;
  }

  @Query(() => GenerationType, {
    nullable: true,
    description: "The generation with this id. Null if you have no such generation.",
  })
  async generation(@Arg("id", () => ID, { description: "`gen_…`" }) id: string, @Ctx() context: GraphQLContext) {
    const generation = await context.loaders.generation.load(id);
    return generation ? toAnswer(generation, context) : null;
  }

  @Query(() => [ModelType], { description: "The models that you may request today." })
  async models(@Ctx() { request, service }: GraphQLContext) {
    const { defaultId } = service.models;
    const models = await service.modelsFor(request.caller);
    return models.map((model) => new ModelType(model, defaultId));
  }

  @Query(() => QuoteType, {
    description:
      "The cost of these images. Nothing is accepted or spent. An input that `generateImages` would refuse is refused here too.",
  })
  async quote(
    @Arg("input", () => GenerateImagesInput, { description: "The images to price. `waitSeconds` has no effect." })
    input: GenerateImagesInput,
    @Ctx() { request, service }: GraphQLContext,
  ) {
    const { waitSeconds: _, ...asked } = withoutNulls(input);
    const quote = await service.quote(request.caller, asked);
    request.onSunset?.(service.sunsetOf({ model: quote.model.id }));
    return new QuoteType(quote);
  }

  @Query(() => QuoteType, {
    description:
      "The cost of this edit. Nothing is accepted or spent, and no file is read: uploads and URLs only count. Without `size`, the first image must be given by its id.",
  })
  async quoteEdit(
    @Arg("input", () => EditImagesInput, { description: "The edit to price. `waitSeconds` has no effect." })
    input: EditImagesInput,
    @Ctx() { request, service }: GraphQLContext,
  ) {
    const { waitSeconds: _, ...asked } = withoutNulls(input);
    const quote = await service.quoteEdit(request.caller, { ...asked, ...(await toReferences(asked, request)) });
    request.onSunset?.(service.sunsetOf({ model: quote.model.id }));
    return new QuoteType(quote);
  }

  @Query(() => NodeType, {
    nullable: true,
    description: "The node with this id, for Relay. Null if you have no such node.",
  })
  async node(@Arg("id", () => ID, { description: "The id of any node." }) id: string, @Ctx() context: GraphQLContext) {
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
      "Generates images. An accepted generation is stored: it continues if the client disconnects, and its id or its idempotency key finds it. If the provider refuses or fails, the result is a generation with a `failure`, not an error.",
  })
  async generateImages(
    @Arg("input", () => GenerateImagesInput, { description: "The images to generate." }) input: GenerateImagesInput,
    @Ctx() context: GraphQLContext,
  ) {
    const { request, service, allowance } = context;
    const { waitSeconds = DEFAULT_WAIT_SECONDS, ...asked } = withoutNulls(input);
    checkWholeNumber("waitSeconds", waitSeconds, 0, MAX_WAIT_SECONDS);
    allowance.takeImages(asked.n);
    const { caller, idempotencyKey } = request;
    const order = { idempotencyKey, ...asked };
    const accepted = await service.submit(caller, order, (rates) => request.onRates?.(rates));
    return toAnswer(await service.wait(accepted, waitSeconds * 1000), context);
  }

  @Mutation(() => GenerationType, {
    description:
      "Edits images, or generates new ones from them. An accepted edit is stored, as with `generateImages`. Copies of its source images are stored first, and removed when it has ended.",
  })
  async editImages(
    @Arg("input", () => EditImagesInput, { description: "The images to edit, and the result." }) input: EditImagesInput,
    @Ctx() context: GraphQLContext,
  ) {
    const { request, service, allowance } = context;
    const { waitSeconds = DEFAULT_WAIT_SECONDS, ...asked } = withoutNulls(input);
    checkWholeNumber("waitSeconds", waitSeconds, 0, MAX_WAIT_SECONDS);
    allowance.takeImages(asked.n);
    const { idempotencyKey, caller } = request;
    const edit = { idempotencyKey, ...asked, ...(await toReferences(asked, request)) };
    const accepted = await service.submitEdit(caller, edit, (rates) => request.onRates?.(rates));
    return toAnswer(await service.wait(accepted, waitSeconds * 1000), context);
  }

  @Mutation(() => GenerationType, {
    description:
      "Cancels a generation. A queued one is never submitted to the provider. A running one is cut off, and may be billed. A generation that has ended does not change.",
  })
  async cancelGeneration(@Arg("id", () => ID, { description: "`gen_…`" }) id: string, @Ctx() context: GraphQLContext) {
    return toAnswer(await context.service.cancel(context.request.caller, id), context);
  }

  @Mutation(() => ID, {
    description:
      "Deletes a generation with its images and all their derivatives, and returns its id. A generation that has not ended is canceled first.",
  })
  async deleteGeneration(
    @Arg("id", () => ID, { description: "`gen_…`" }) id: string,
    @Ctx() { request, service }: GraphQLContext,
  ) {
    await service.delete(request.caller, id);
    return id;
  }
}

async function toReferences(
  { images, mask }: Pick<EditImagesInput, "images" | "mask">,
  { rootUrl }: OperationRequest,
): Promise<EditReferences & { readonly mask: ImageReference | undefined }> {
  return {
    images: await Promise.all(images.map((image) => toImageReference("images", image, rootUrl))),
    mask: mask && (await toImageReference("mask", mask, rootUrl)),
  };
}

function toAnswer(generation: Generation, { request, service }: GraphQLContext): GenerationType {
  request.onSunset?.(service.sunsetOf(generation));
  return new GenerationType(generation, service.knownImagesOf(generation));
}
