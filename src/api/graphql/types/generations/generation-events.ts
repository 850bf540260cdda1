import type { Generation } from "../../../../ports/records.ts";
import type { GenerationEvent } from "../../../../service/generations/watching/generation-progress.ts";
import type { GraphQLContext } from "../../context.ts";
import {
  Arg,
  Ctx,
  createUnionType,
  Field,
  ID,
  Int,
  InterfaceType,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from "../../type-graphql.ts";
import { GenerationType, ImageType } from "./generation-type.ts";

type EventOf<Type extends GenerationEvent["type"]> = Extract<GenerationEvent, { readonly type: Type }>;

/**
 * The fields that all events share. The id is for normalizing caches such as Apollo Client's: without it, each event
 * would overwrite the previous one in the cache. The generation updates what pages already show of it.
 */
@InterfaceType("GenerationUpdate", { description: "The fields that every event has." })
abstract class GenerationUpdateType {
  readonly #generation: Generation;

  constructor(generation: Generation, place: string) {
    this.#generation = generation;
    this.id = `${generation.id}/${place}`;
  }

  @Field(() => ID, {
    description: "Identifies the event in caches: the same event has the same id. No query accepts it.",
  })
  id: string;

  @Field(() => GenerationType, { description: "The generation at the time of the event." })
  get generation(): GenerationType {
    return new GenerationType(this.#generation);
  }
}

@ObjectType("GenerationStatusChanged", {
  implements: GenerationUpdateType,
  description: "The status of a generation: first the current one, then each new one.",
})
class GenerationStatusChangedType extends GenerationUpdateType {
  constructor({ generation }: EventOf<"status">) {
    super(generation, generation.status);
  }
}

@ObjectType("PartialImageReady", {
  implements: GenerationUpdateType,
  description: "A preview of an image that is not finished.",
})
class PartialImageReadyType extends GenerationUpdateType {
  readonly #event: EventOf<"partial">;

  constructor(event: EventOf<"partial">) {
    super(event.generation, `preview-${event.imageIndex}-${event.partialIndex}`);
    this.#event = event;
  }

  @Field(() => Int, { description: "The index of the image that it shows, from 0." })
  get imageIndex(): number {
    return this.#event.imageIndex;
  }

  @Field(() => Int, {
    description: "The index of the preview among those of its image, from 0. A higher one shows more.",
  })
  get partialIndex(): number {
    return this.#event.partialIndex;
  }

  @Field(() => String, {
    description:
      "A signed URL of the preview in WebP, at most 512 pixels on its longer side. It works until one minute after the generation has ended.",
  })
  url(@Ctx() { request, service }: GraphQLContext): string {
    return request.rootUrl + service.previewLink(this.#event.generation, this.#event);
  }
}

@ObjectType("ImageReady", { implements: GenerationUpdateType, description: "An image that was just stored." })
class ImageReadyType extends GenerationUpdateType {
  @Field(() => ImageType, { description: "The image." })
  image: ImageType;

  constructor({ generation, image }: EventOf<"image">) {
    super(generation, `image-${image.index}`);
    this.image = new ImageType(image);
  }
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
      "The events of a generation. First come its current status and its stored images, then each new status, each preview, and each image as it is stored. The stream ends with the generation. A client that subscribes late or again misses nothing that still matters. Without an id: the events of all your generations, from now on, without an end. A client that subscribes again should then read `generations` too.",
    subscribe: ({ args, context }) => {
      const { request, service } = context as GraphQLContext;
      const { id } = args as { readonly id?: string | null };
      return typeof id === "string" ? service.watch(request.caller, id) : service.watchAll(request.caller);
    },
  })
  generationEvents(
    @Arg("id", () => ID, { nullable: true, description: "`gen_…`; all your generations if left out." })
    _id: string | null | undefined,
    @Root() event: GenerationEvent,
  ): typeof GenerationEventUnion {
    switch (event.type) {
      case "status":
        return new GenerationStatusChangedType(event);
      case "partial":
        return new PartialImageReadyType(event);
      case "image":
        return new ImageReadyType(event);
      default:
        return event satisfies never;
    }
  }
}
