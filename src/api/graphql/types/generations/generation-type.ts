import { type Billed, GatewayError } from "../../../../errors.ts";
import { toDigitalSourceUri } from "../../../../ports/digital-source.ts";
import type { Background, ImageFormat, Operation, Quality } from "../../../../ports/image-provider.ts";
import type { FailureCode, Generation, GenerationFailure, GenerationStatus, Image } from "../../../../ports/records.ts";
import { toSizeText } from "../../../../service/images/sizes.ts";
import type { GraphQLContext } from "../../context.ts";
import { Args, Ctx, Field, Int, ObjectType } from "../../type-graphql.ts";
import {
  BackgroundEnum,
  BilledEnum,
  FailureCodeEnum,
  GenerationStatusEnum,
  ImageFormatEnum,
  OperationEnum,
  QualityEnum,
} from "../enums.ts";
import { ImageUrlArgs } from "../image-url-args.ts";
import { MetadataEntryType } from "../metadata-type.ts";
import { ModelType, modelOf } from "../models/model-type.ts";
import { NodeType } from "../node-type.ts";
import { ProjectType } from "../projects/project-type.ts";
import { DateTimeScalar, ImageSizeScalar, UsdScalar } from "../scalars.ts";
import { withoutNulls } from "../without-nulls.ts";
import { ProvenanceType } from "./provenance-type.ts";
import { TokenUsageType } from "./token-usage-type.ts";
import { WarningType } from "./warning-type.ts";

@ObjectType("GenerationFailure", { description: "Why a generation ended without all its images." })
class GenerationFailureType implements GenerationFailure {
  @Field(() => FailureCodeEnum, { description: "The kind of failure, for programs." })
  code!: FailureCode;

  @Field(() => String, { description: "What went wrong, for people." })
  message!: string;

  @Field(() => Boolean, { description: "Whether the same input may succeed later." })
  retryable!: boolean;

  @Field(() => BilledEnum, { description: "Whether the provider charged for it." })
  billed!: Billed;
}

@ObjectType("Image", { implements: NodeType, description: "A stored image." })
export class ImageType extends NodeType {
  readonly #image: Image;

  constructor(image: Image) {
    super();
    this.#image = image;
    this.id = image.id;
  }

  @Field(() => GenerationType, { description: "The generation that made it." })
  async generation(@Ctx() { loaders }: GraphQLContext): Promise<GenerationType> {
    const generation = await loaders.generation.load(this.#image.generationId);
    if (!generation) throw new Error("an image has no generation");
    return new GenerationType(generation);
  }

  @Field(() => [ImageType], {
    description:
      "Your images that it was edited from, in order, if they still exist. Empty if the sources were other images or text alone.",
  })
  async derivedFrom(@Ctx() { loaders }: GraphQLContext): Promise<ImageType[]> {
    return sourcesOf(await loaders.generation.load(this.#image.generationId), loaders);
  }

  @Field(() => Int, { description: "Its index among the images of its generation, from 0." })
  get index(): number {
    return this.#image.index;
  }

  @Field(() => String, {
    description:
      "A signed URL that any viewer can load until it expires. With a size, a format or a quality, it is the URL of a derivative, which is made when it is first loaded.",
  })
  url(@Args(() => ImageUrlArgs) options: ImageUrlArgs, @Ctx() { request, service }: GraphQLContext): string {
    return request.rootUrl + service.link(this.#image, withoutNulls(options));
  }

  @Field(() => Int, { description: "Pixels." })
  get width(): number {
    return this.#image.width;
  }

  @Field(() => Int, { description: "Pixels." })
  get height(): number {
    return this.#image.height;
  }

  @Field(() => ImageFormatEnum, { description: "The format it is stored in." })
  get format(): ImageFormat {
    return this.#image.format;
  }

  @Field(() => Int, { description: "Size of the stored file in bytes." })
  get byteSize(): number {
    return this.#image.byteSize;
  }

  @Field(() => String, { description: "SHA-256 of the stored file, in hexadecimal." })
  get sha256(): string {
    return this.#image.sha256;
  }

  @Field(() => String, { description: "A tiny `data:` URI under 1 KB to show while the image loads." })
  placeholder(@Ctx() { service }: GraphQLContext): Promise<string> {
    return service.placeholderOf(this.#image);
  }

  @Field(() => Boolean, { description: "Whether it is marked as a favorite, by `setFavorite`." })
  get isFavorite(): boolean {
    return this.#image.isFavorite ?? false;
  }

  @Field(() => ProvenanceType, {
    nullable: true,
    description: "How it was made. Null for images that were stored before the gateway recorded this.",
  })
  get provenance(): ProvenanceType | null {
    const { provenance, key, originalKey } = this.#image;
    if (!provenance) return null;
    const { digitalSourceType, hasContentCredentials, isSigned = false } = provenance;
    const isOriginal = key === originalKey;
    return { digitalSourceType: toDigitalSourceUri(digitalSourceType), hasContentCredentials, isOriginal, isSigned };
  }

  @Field(() => DateTimeScalar, { description: "When it was stored." })
  get createdAt(): Date {
    return this.#image.createdAt;
  }
}

@ObjectType("Generation", {
  implements: NodeType,
  description: "One request for images, from its acceptance to its end. It continues even if the client disconnects.",
})
export class GenerationType extends NodeType {
  readonly #generation: Generation;
  readonly #images: readonly Image[] | undefined;

  /** @param images its images, by index; `undefined` if they have to be read */
  constructor(generation: Generation, images?: readonly Image[]) {
    super();
    this.#generation = generation;
    this.#images = images;
    this.id = generation.id;
  }

  @Field(() => GenerationStatusEnum, { description: "Its state." })
  get status(): GenerationStatus {
    return this.#generation.status;
  }

  @Field(() => OperationEnum, { description: "Whether it generates images from text or edits images." })
  get operation(): Operation {
    return this.#generation.edit ? "EDIT" : "GENERATE";
  }

  @Field(() => String, { description: "The prompt of the request." })
  prompt(@Ctx() { allowance }: GraphQLContext): string {
    const { prompt } = this.#generation;
    allowance.takePrompt(prompt);
    return prompt;
  }

  @Field(() => ProjectType, { description: "The project that it belongs to." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType> {
    const project = await loaders.project.load(this.#generation.projectId);
    if (!project) throw new GatewayError("NOT_FOUND", "the project of this generation does not exist");
    return new ProjectType(project);
  }

  @Field(() => String, {
    nullable: true,
    description: "The end user that it was made for. Null if none was given.",
  })
  get endUser(): string | null {
    return this.#generation.endUser ?? null;
  }

  @Field(() => [MetadataEntryType], {
    description: "The entries that the caller stored with it, in the caller's order.",
  })
  get metadata(): readonly MetadataEntryType[] {
    return this.#generation.metadata ?? [];
  }

  @Field(() => ModelType, { description: "The model that is used. If it is not the requested one, a warning says so." })
  model(@Ctx() { service }: GraphQLContext): ModelType {
    return modelOf(this.#generation.model, service);
  }

  @Field(() => Int, { description: "The requested number of images." })
  get n(): number {
    return this.#generation.n;
  }

  @Field(() => ImageSizeScalar, { description: "The requested size. Every image has exactly this size." })
  get requestedSize(): string {
    return toSizeText(this.#generation.requestedSize);
  }

  @Field(() => ImageSizeScalar, {
    nullable: true,
    description: "The size that the model made, before the image was fitted. Null until the first image is stored.",
  })
  get generatedSize(): string | null {
    const { generatedSize } = this.#generation;
    return generatedSize ? toSizeText(generatedSize) : null;
  }

  @Field(() => QualityEnum, { description: "The quality requested from the model." })
  get quality(): Quality {
    return this.#generation.quality;
  }

  @Field(() => ImageFormatEnum, { description: "The format the images are stored in." })
  get format(): ImageFormat {
    return this.#generation.format;
  }

  @Field(() => BackgroundEnum, { description: "The background requested from the model." })
  get background(): Background {
    return this.#generation.background;
  }

  @Field(() => Int, {
    nullable: true,
    description: "The quality of a JPEG or WebP file, 0 to 100. Null if the model decides.",
  })
  get compression(): number | null {
    return this.#generation.compression ?? null;
  }

  @Field(() => Int, {
    nullable: true,
    description: "The seed. Null if none was given or the model does not support seeds.",
  })
  get seed(): number | null {
    return this.#generation.seed ?? null;
  }

  @Field(() => [ImageType], { description: "The images stored so far, by index." })
  images(@Ctx() { loaders }: GraphQLContext): ImageType[] | Promise<ImageType[]> {
    return this.#images ? toTypes(this.#images) : loaders.imagesOf.load(this.id).then(toTypes);
  }

  @Field(() => [ImageType], {
    description:
      "Your images that it edits, in order, if they still exist. Empty if its sources are other images or text alone.",
  })
  derivedFrom(@Ctx() { loaders }: GraphQLContext): Promise<ImageType[]> {
    return sourcesOf(this.#generation, loaders);
  }

  @Field(() => GenerationFailureType, { nullable: true, description: "Why it failed. Null if it did not fail." })
  get failure(): GenerationFailureType | null {
    return this.#generation.failure ?? null;
  }

  @Field(() => [WarningType], { description: "What the gateway did differently from the request." })
  get warnings(): readonly WarningType[] {
    return this.#generation.warnings;
  }

  @Field(() => TokenUsageType, {
    nullable: true,
    description: "The tokens that the provider reports as used. Null while unknown.",
  })
  get usage(): TokenUsageType | null {
    return this.#generation.usage ?? null;
  }

  @Field(() => UsdScalar, {
    nullable: true,
    description:
      "What it cost, at the prices of the day of its acceptance, rounded up to 12 decimals. Null while unknown, never 0. It is 0 if it was certainly not billed.",
  })
  get cost(): string | null {
    return this.#generation.cost ?? null;
  }

  @Field(() => Boolean, {
    description:
      "Whether `cost` is the highest possible cost, because it is not known what the provider charged. This happens after a crash, or when it was canceled while it ran.",
  })
  get costIsEstimated(): boolean {
    return this.#generation.costIsEstimated ?? false;
  }

  @Field(() => DateTimeScalar, { description: "When it was accepted." })
  get createdAt(): Date {
    return this.#generation.createdAt;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it was submitted to the provider." })
  get startedAt(): Date | null {
    return this.#generation.startedAt ?? null;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it ended." })
  get finishedAt(): Date | null {
    return this.#generation.finishedAt ?? null;
  }
}

function toTypes(images: readonly Image[]): ImageType[] {
  return images.map((image) => new ImageType(image));
}

/** The images of the gateway that a generation edits. Those that were deleted are left out. */
async function sourcesOf(
  generation: Pick<Generation, "edit"> | null | undefined,
  loaders: GraphQLContext["loaders"],
): Promise<ImageType[]> {
  const ids = generation?.edit?.images.flatMap(({ imageId }) => imageId ?? []) ?? [];
  const images = await Promise.all(ids.map((id) => loaders.image.load(id)));
  return images.flatMap((image) => (image ? [new ImageType(image)] : []));
}
