import type {
  Background,
  ImageFormat,
  ModelDescription,
  Operation,
  Quality,
  SizeRule,
} from "../../../../ports/image-provider.ts";
import { MAX_EDIT_IMAGES } from "../../../../service/edits/edit-intake.ts";
import type { ImageService } from "../../../../service/image-service.ts";
import { toSizeText } from "../../../../service/images/sizes.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, ID, Int, ObjectType } from "../../type-graphql.ts";
import { BackgroundEnum, ImageFormatEnum, OperationEnum, QualityEnum } from "../enums.ts";
import { WarningType } from "../generations/warning-type.ts";
import { ImageSizeScalar } from "../scalars.ts";
import { ModelPriceType } from "./model-price-type.ts";

type ShownModel = Pick<
  ModelDescription,
  | "id"
  | "provider"
  | "operations"
  | "maxImages"
  | "sizes"
  | "formats"
  | "qualities"
  | "backgrounds"
  | "hasSeed"
  | "maxPromptLength"
  | "previews"
  | "edits"
  | "shutdownDate"
  | "replacement"
>;

@ObjectType("SizeBounds", { description: "Bounds within which a model makes every size." })
export class SizeBoundsType {
  readonly #bounds: Extract<SizeRule, { kind: "bounds" }>;

  constructor(bounds: Extract<SizeRule, { kind: "bounds" }>) {
    this.#bounds = bounds;
  }

  @Field(() => Int, { description: "Both sides are divisible by this many pixels." })
  get multipleOf(): number {
    return this.#bounds.multipleOf;
  }

  @Field(() => Int, { description: "The least pixels of the shorter side." })
  get minSide(): number {
    return this.#bounds.minSide;
  }

  @Field(() => Int, { description: "The most pixels of the longer side." })
  get maxLongSide(): number {
    return this.#bounds.maxLongSide;
  }

  @Field(() => Int, { description: "The least pixels of an image: width times height." })
  get minPixels(): number {
    return this.#bounds.minPixels;
  }

  @Field(() => Int, { description: "The most pixels of an image: width times height." })
  get maxPixels(): number {
    return this.#bounds.maxPixels;
  }
}

@ObjectType("Model", { description: "A model that makes images." })
export class ModelType {
  readonly #model: ShownModel;

  @Field(() => ID, { description: "The name to request it by: `gpt-image-2.6-flare`." })
  id: string;

  @Field(() => String, {
    description:
      "The provider that runs it: `openai`, `illustrator`. `unknown` if the gateway no longer has the model.",
  })
  provider: string;

  @Field(() => Boolean, { description: "Whether it is used when a request names no model." })
  isDefault: boolean;

  @Field(() => [OperationEnum], { description: "The operations it supports." })
  operations: readonly Operation[];

  @Field(() => Int, { description: "The most images that one generation can have." })
  maxImages: number;

  @Field(() => [ImageSizeScalar], {
    description:
      "The sizes it makes. Other sizes are made from the nearest one that covers them. Empty if `sizeBounds` says it.",
  })
  get sizes(): readonly string[] {
    const { sizes } = this.#model;
    return sizes.kind === "list" ? sizes.sizes.map(toSizeText) : [];
  }

  @Field(() => SizeBoundsType, {
    nullable: true,
    description: "The bounds within which it makes every size. Null if `sizes` lists them.",
  })
  get sizeBounds(): SizeBoundsType | null {
    const { sizes } = this.#model;
    return sizes.kind === "bounds" ? new SizeBoundsType(sizes) : null;
  }

  @Field(() => [ImageFormatEnum], {
    description: "The formats it makes. The gateway converts images to the others.",
  })
  get formats(): readonly ImageFormat[] {
    return this.#model.formats;
  }

  @Field(() => [QualityEnum], {
    description: "The qualities it tells apart. It uses the nearest lower one for others.",
  })
  qualities: readonly Quality[];

  @Field(() => [BackgroundEnum], { description: "The backgrounds it can make." })
  backgrounds: readonly Background[];

  @Field(() => Boolean, { description: "Whether the same seed gives the same images." })
  hasSeed: boolean;

  @Field(() => Boolean, { description: "Whether a mask can say where to edit." })
  hasMask: boolean;

  @Field(() => Int, { description: "The most images that one edit can take. 0 if it cannot edit." })
  maxInputImages: number;

  @Field(() => Int, { description: "The longest prompt, in characters." })
  maxPromptLength: number;

  @Field(() => Boolean, { description: "Whether it shows previews while it makes an image." })
  get streams(): boolean {
    return this.maxPartialImages > 0;
  }

  @Field(() => Int, { description: "The most previews of one image. 0 if it makes none." })
  maxPartialImages: number;

  @Field(() => Int, { description: "The most images of a generation that has previews. 0 if it makes none." })
  maxImagesWithPartialImages: number;

  @Field(() => String, {
    nullable: true,
    description: "The day it stops working, YYYY-MM-DD, as announced by its vendor. Null if none is announced.",
  })
  shutdownDate: string | null;

  @Field(() => String, { nullable: true, description: "The model that replaces it from that day on." })
  replacement: string | null;

  @Field(() => ModelPriceType, { nullable: true, description: "What it costs today. Null if that is not known." })
  price(@Ctx() { service }: GraphQLContext): ModelPriceType | null {
    const known = service.model(this.id);
    const price = known && service.priceOf(known);
    return price ? new ModelPriceType(price) : null;
  }

  @Field(() => [WarningType], {
    description: "Warnings for its users: that it shuts down within 30 days.",
  })
  warnings(@Ctx() { service }: GraphQLContext): readonly WarningType[] {
    const known = service.model(this.id);
    return known ? service.modelWarnings(known) : [];
  }

  constructor(model: ShownModel, defaultId: string) {
    this.#model = model;
    this.id = model.id;
    this.provider = model.provider;
    this.isDefault = model.id === defaultId;
    this.operations = model.operations;
    this.maxImages = model.maxImages;
    this.qualities = model.qualities;
    this.backgrounds = model.backgrounds;
    this.hasSeed = model.hasSeed;
    const canEdit = model.operations.includes("EDIT");
    this.hasMask = canEdit && (model.edits?.hasMask ?? true);
    this.maxInputImages = canEdit ? (model.edits?.maxInputImages ?? MAX_EDIT_IMAGES) : 0;
    this.maxPromptLength = model.maxPromptLength;
    this.maxPartialImages = model.previews?.maxPartialImages ?? 0;
    this.maxImagesWithPartialImages = model.previews?.maxImages ?? 0;
    this.shutdownDate = model.shutdownDate ?? null;
    this.replacement = (model.shutdownDate && model.replacement) ?? null;
  }
}

/** Finds the model with this id, retired or not; null when there is none. */
export function findModel(id: string, service: ImageService): ModelType | null {
  const description = service.model(id);
  return description ? new ModelType(description, service.models.defaultId) : null;
}

/** Returns the model of a stored generation, even if the operator has since removed that model. */
export function modelOf(id: string, service: ImageService): ModelType {
  const removed: ShownModel = {
    id,
    provider: "unknown",
    operations: [],
    maxImages: 0,
    sizes: { kind: "list", sizes: [] },
    formats: [],
    qualities: [],
    backgrounds: [],
    hasSeed: false,
    maxPromptLength: 0,
  };
  return findModel(id, service) ?? new ModelType(removed, service.models.defaultId);
}
