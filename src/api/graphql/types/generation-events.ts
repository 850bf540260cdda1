import type { Generation } from "../../../ports/records.ts";
import type { GenerationEvent } from "../../../service/generations/generation-watch.ts";
import type { GraphQLContext } from "../context.ts";
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
} from "../type-graphql.ts";
import { GenerationType, ImageType } from "./generation-type.ts";

type EventOf<Type extends GenerationEvent["type"]> = Extract<GenerationEvent, { readonly type: Type }>;

/**
 * What the members of the union have in common. A cache that normalizes, as Apollo Client's does, would write each event
 * over the one before and lose what only that had: by their ids it keeps them apart, and with its generation each event
 * brings up to date what pages show of it.
 */
@InterfaceType("GenerationUpdate", { description: "What every event has, whatever it tells." })
abstract class GenerationUpdateType {
  readonly #generation: Generation;

  constructor(generation: Generation, place: string) {
    this.#generation = generation;
    this.id = `${generation.id}/${place}`;
  }

  @Field(() => ID, { description: "The same for the same event, for caches. Nothing can be read by it." })
  id: string;

  @Field(() => GenerationType, { description: "The generation as it was then." })
  get generation(): GenerationType {
    return new GenerationType(this.#generation);
  }
}

@ObjectType("GenerationStatusChanged", {
  implements: GenerationUpdateType,
  description: "A generation's status: first the present one, then each new one.",
})
class GenerationStatusChangedType extends GenerationUpdateType {
  constructor({ generation }: EventOf<"status">) {
    super(generation, generation.status);
  }
}

@ObjectType("PartialImageReady", {
  implements: GenerationUpdateType,
  description: "A preview of an image that is still being made.",
})
class PartialImageReadyType extends GenerationUpdateType {
  readonly #event: EventOf<"partial">;

  constructor(event: EventOf<"partial">) {
    super(event.generation, `preview-${event.imageIndex}-${event.partialIndex}`);
    this.#event = event;
  }

  @Field(() => Int, { description: "Which of the images it shows, from 0." })
  get imageIndex(): number {
    return this.#event.imageIndex;
  }

  @Field(() => Int, { description: "Which preview of that image it is, from 0; a higher one shows more." })
  get partialIndex(): number {
    return this.#event.partialIndex;
  }

  @Field(() => String, {
    description:
      "A signed URL of the preview in WebP, at most 512 pixels on its longer side. It works until a minute after the generation's end.",
  })
  url(@Ctx() { request, service }: GraphQLContext): string {
    return request.rootUrl + service.previewLink(this.#event.generation, this.#event);
  }
}

@ObjectType("ImageReady", { implements: GenerationUpdateType, description: "An image that is stored now." })
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
