import type { Generation, Preview } from "../../../ports/records.ts";
import type { GenerationEvent } from "../../../service/generations/generation-watch.ts";
import type { GraphQLContext } from "../context.ts";
import {
  Arg,
  Ctx,
  createUnionType,
  Field,
  ID,
  Int,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from "../type-graphql.ts";
import { GenerationType, ImageType } from "./generation-type.ts";

@ObjectType("GenerationStatusChanged", {
  description: "A generation's status: first the present one, then each new one.",
})
class GenerationStatusChangedType {
  @Field(() => GenerationType, { description: "As it was then." })
  generation!: GenerationType;
}

@ObjectType("PartialImageReady", { description: "A preview of an image that is still being made." })
class PartialImageReadyType {
  readonly #generation: Generation;
  readonly #preview: Preview;

  constructor(generation: Generation, preview: Preview) {
    this.#generation = generation;
    this.#preview = preview;
  }

  @Field(() => GenerationType, { description: "What it belongs to." })
  get generation(): GenerationType {
    return new GenerationType(this.#generation);
  }

  @Field(() => Int, { description: "Which of the images it shows, from 0." })
  get imageIndex(): number {
    return this.#preview.imageIndex;
  }

  @Field(() => Int, { description: "Which preview of that image it is, from 0; a higher one shows more." })
  get partialIndex(): number {
    return this.#preview.partialIndex;
  }

  @Field(() => String, {
    description:
      "A signed URL of the preview in WebP, at most 512 pixels on its longer side. It works until a minute after the generation's end.",
  })
  url(@Ctx() { request, service }: GraphQLContext): string {
    return request.rootUrl + service.previewLink(this.#generation, this.#preview);
  }
}

@ObjectType("ImageReady", { description: "An image that is stored now." })
class ImageReadyType {
  @Field(() => ImageType, { description: "The image." })
  image!: ImageType;
}

const GenerationEventUnion = createUnionType({
  name: "GenerationEvent",
  description: "Something that happened to a generation.",
  types: () => [GenerationStatusChangedType, PartialImageReadyType, ImageReadyType] as const,
});

@Resolver()
export class GenerationEventsResolver {
  @Subscription(() => GenerationEventUnion, {
    description:
      "What happens to a generation: its present status and the images there are, then each change, each preview and each image when it is stored. Ends with the generation. Whoever comes late or again misses nothing that still counts.",
    subscribe: ({ args, context }) => {
      const { request, service } = context as GraphQLContext;
      return service.watch(request.caller, args.id);
    },
  })
  generationEvents(
    @Arg("id", () => ID, { description: "`gen_…`" }) _id: string,
    @Root() event: GenerationEvent,
  ): typeof GenerationEventUnion {
    switch (event.type) {
      case "status":
        return Object.assign(new GenerationStatusChangedType(), { generation: new GenerationType(event.generation) });
      case "partial":
        return new PartialImageReadyType(event.generation, event);
      case "image":
        return Object.assign(new ImageReadyType(), { image: new ImageType(event.image) });
      default:
        return event satisfies never;
    }
  }
}
