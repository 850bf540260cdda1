import { type Billed, GatewayError } from "../../../errors.ts";
import { toDigitalSourceUri } from "../../../ports/digital-source.ts";
import type { Fit } from "../../../ports/image-codec.ts";
import type {
  Background,
  ImageFormat,
  Operation,
  Quality,
  TokenDetails,
  TokenUsage,
} from "../../../ports/image-provider.ts";
import type { FailureCode, Generation, GenerationFailure, GenerationStatus, Image } from "../../../ports/records.ts";
import { toSizeText } from "../../../service/images/sizes.ts";
import type { GraphQLContext } from "../context.ts";
import { Args, ArgsType, Ctx, Field, Int, ObjectType } from "../type-graphql.ts";
import {
  BackgroundEnum,
  BilledEnum,
  FailureCodeEnum,
  FitEnum,
  GenerationStatusEnum,
  ImageFormatEnum,
  OperationEnum,
  QualityEnum,
} from "./enums.ts";
import { MetadataEntryType } from "./metadata-type.ts";
import { ModelType, modelOf } from "./model-type.ts";
import { NodeType } from "./node-type.ts";
import { ProjectType } from "./projects/project-type.ts";
import { DateTimeScalar, ImageSizeScalar, UsdScalar } from "./scalars.ts";
import { WarningType } from "./warning-type.ts";
import { withoutNulls } from "./without-nulls.ts";

@ObjectType("GenerationFailure", { description: "Why a generation ended without all its images." })
class GenerationFailureType implements GenerationFailure {
  @Field(() => FailureCodeEnum, { description: "The kind of failure, to switch on." })
  code!: FailureCode;

  @Field(() => String, { description: "What went wrong, for people." })
  message!: string;

  @Field(() => Boolean, { description: "Whether the same input may succeed later." })
  retryable!: boolean;

  @Field(() => BilledEnum, { description: "Whether the provider charged for it." })
  billed!: Billed;
}

@ObjectType("TokenDetails", { description: "The kinds of tokens that make up a sum." })
class TokenDetailsType implements TokenDetails {
  @Field(() => Int, { description: "Tokens of text." })
  textTokens!: number;

  @Field(() => Int, { description: "Tokens of images." })
  imageTokens!: number;
}

@ObjectType("TokenUsage", { description: "What the provider says it used." })
class TokenUsageType implements TokenUsage {
  @Field(() => Int, { description: "Tokens of text and images that went in." })
  inputTokens!: number;

  @Field(() => Int, { description: "Tokens that came out." })
  outputTokens!: number;

  @Field(() => Int, { description: "Both." })
  totalTokens!: number;

  @Field(() => TokenDetailsType, { nullable: true, description: "What went in, by kind; null where it is not told." })
  inputDetails?: TokenDetailsType;

  @Field(() => TokenDetailsType, { nullable: true, description: "What came out, by kind; null where it is not told." })
  outputDetails?: TokenDetailsType;
}

@ArgsType()
export class ImageUrlArgs {
  @Field(() => Int, {
    nullable: true,
    description: "Width in pixels, 1 to 3840; left out, it follows from the height.",
  })
  width?: number;

  @Field(() => Int, {
    nullable: true,
    description: "Height in pixels, 1 to 3840; left out, it follows from the width.",
  })
  height?: number;

  @Field(() => FitEnum, {
    nullable: true,
    defaultValue: FitEnum.COVER,
    description: "How the image goes into that box.",
  })
  fit?: Fit;

  @Field(() => ImageFormatEnum, { nullable: true, description: "Another format than the stored one." })
  format?: ImageFormat;

  @Field(() => Int, { nullable: true, description: "1 to 100, for the formats that lose something." })
  quality?: number;

  @Field(() => Int, {
    nullable: true,
    description:
      "How many seconds the URL works at least, 60 to 604800; the gateway's setting when left out. It is rounded up by at most five minutes, so that the same URL comes again for a while.",
  })
  expiresIn?: number;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      "The file as the model sent it, with whatever credentials it carries, in its own size and format; not with width, height, format or quality.",
  })
  original?: boolean;
}

@ObjectType("Provenance", {
  description:
    "How an image came to be. Whatever the gateway encodes anew says so in XMP (`Iptc4xmpExt:DigitalSourceType`); the file that the model sent is never touched.",
})
class ProvenanceType {
  @Field(() => String, {
    description:
      "A concept of https://cv.iptc.org/newscodes/digitalsourcetype/: `…/trainedAlgorithmicMedia` for a picture that a model made.",
  })
  digitalSourceType!: string;

  @Field(() => Boolean, {
    description:
      "Whether the file that the model sent carries C2PA content credentials, which are not checked. `url(original: true)` has them always, `url` only when `isOriginal`.",
  })
  hasContentCredentials!: boolean;

  @Field(() => Boolean, {
    description: "Whether `url` without a size, format or quality delivers the very file that the model sent.",
  })
  isOriginal!: boolean;
}

@ObjectType("Image", { implements: NodeType, description: "An image that is stored, and can be shown." })
export class ImageType extends NodeType {
  readonly #image: Image;

  constructor(image: Image) {
    super();
    this.#image = image;
    this.id = image.id;
  }

  @Field(() => GenerationType, { description: "What it came from." })
  async generation(@Ctx() { loaders }: GraphQLContext): Promise<GenerationType> {
    const generation = await loaders.generation.load(this.#image.generationId);
    if (!generation) throw new Error("an image has no generation");
    return new GenerationType(generation);
  }

  @Field(() => [ImageType], {
    description:
      "Your images that it was edited from, in their order, as far as they still exist; none for what came from elsewhere, or from text alone.",
  })
  async derivedFrom(@Ctx() { loaders }: GraphQLContext): Promise<ImageType[]> {
    const generation = await loaders.generation.load(this.#image.generationId);
    const ids = generation?.edit?.images.flatMap(({ imageId }) => imageId ?? []) ?? [];
    const images = await Promise.all(ids.map((id) => loaders.image.load(id)));
    return images.flatMap((image) => (image ? [new ImageType(image)] : []));
  }

  @Field(() => Int, { description: "Its place among the images of its generation, from 0." })
  get index(): number {
    return this.#image.index;
  }

  @Field(() => String, {
    description:
      "A signed URL that any viewer can load until it expires. With a size, a format or a quality it stands for a derivative, made when it is first loaded.",
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

  @Field(() => ProvenanceType, {
    nullable: true,
    description: "How it came to be; null for images stored before that was recorded.",
  })
  get provenance(): ProvenanceType | null {
    const { provenance, key, originalKey } = this.#image;
    if (!provenance) return null;
    const { digitalSourceType, hasContentCredentials } = provenance;
    const isOriginal = key === originalKey;
    return { digitalSourceType: toDigitalSourceUri(digitalSourceType), hasContentCredentials, isOriginal };
  }

  @Field(() => DateTimeScalar, { description: "When it was stored." })
  get createdAt(): Date {
    return this.#image.createdAt;
  }
}

@ObjectType("Generation", {
  implements: NodeType,
  description: "One request for images, from its acceptance to its end. It goes on whoever asked stays or leaves.",
})
export class GenerationType extends NodeType {
  readonly #generation: Generation;

  constructor(generation: Generation) {
    super();
    this.#generation = generation;
    this.id = generation.id;
  }

  @Field(() => GenerationStatusEnum, { description: "Where it stands." })
  get status(): GenerationStatus {
    return this.#generation.status;
  }

  @Field(() => OperationEnum, { description: "Whether images were made from text alone, or others changed." })
  get operation(): Operation {
    return this.#generation.edit ? "EDIT" : "GENERATE";
  }

  @Field(() => String, { description: "What was asked for." })
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
    description: "The end user for whom it was made; null for nobody in particular.",
  })
  get endUser(): string | null {
    return this.#generation.endUser ?? null;
  }

  @Field(() => [MetadataEntryType], { description: "What the caller attached to it, in the caller's order." })
  get metadata(): readonly MetadataEntryType[] {
    return this.#generation.metadata ?? [];
  }

  @Field(() => ModelType, { description: "The model that is used; a warning tells when it is not the one asked for." })
  model(@Ctx() { service }: GraphQLContext): ModelType {
    return modelOf(this.#generation.model, service);
  }

  @Field(() => Int, { description: "How many images were asked for." })
  get n(): number {
    return this.#generation.n;
  }

  @Field(() => ImageSizeScalar, { description: "The size asked for; every image has exactly these pixels." })
  get requestedSize(): string {
    return toSizeText(this.#generation.requestedSize);
  }

  @Field(() => ImageSizeScalar, {
    nullable: true,
    description: "The size the model really made, before it was fitted; null until the first image is stored.",
  })
  get generatedSize(): string | null {
    const { generatedSize } = this.#generation;
    return generatedSize ? toSizeText(generatedSize) : null;
  }

  @Field(() => QualityEnum, { description: "The quality the model was asked for." })
  get quality(): Quality {
    return this.#generation.quality;
  }

  @Field(() => ImageFormatEnum, { description: "The format the images are stored in." })
  get format(): ImageFormat {
    return this.#generation.format;
  }

  @Field(() => BackgroundEnum, { description: "What the model was asked to put behind the subject." })
  get background(): Background {
    return this.#generation.background;
  }

  @Field(() => Int, {
    nullable: true,
    description: "How much of a JPEG's or WebP's quality is kept, 0 to 100; null leaves it to the model.",
  })
  get compression(): number | null {
    return this.#generation.compression ?? null;
  }

  @Field(() => Int, { nullable: true, description: "The seed; null where none was given, or the model takes none." })
  get seed(): number | null {
    return this.#generation.seed ?? null;
  }

  @Field(() => [ImageType], { description: "The images stored so far, by index." })
  async images(@Ctx() { loaders }: GraphQLContext): Promise<ImageType[]> {
    const images = await loaders.imagesOf.load(this.id);
    return images.map((image) => new ImageType(image));
  }

  @Field(() => GenerationFailureType, { nullable: true, description: "Why it failed; null unless it did." })
  get failure(): GenerationFailureType | null {
    return this.#generation.failure ?? null;
  }

  @Field(() => [WarningType], { description: "What was done otherwise than asked." })
  get warnings(): readonly WarningType[] {
    return this.#generation.warnings;
  }

  @Field(() => TokenUsageType, { nullable: true, description: "What the provider says it used; null while unknown." })
  get usage(): TokenUsageType | null {
    return this.#generation.usage ?? null;
  }

  @Field(() => UsdScalar, {
    nullable: true,
    description:
      "What it cost, by the prices of the day on which it was accepted, rounded up to 12 decimals; null while unknown, never 0 for unknown. What was certainly not billed cost 0.",
  })
  get cost(): string | null {
    return this.#generation.cost ?? null;
  }

  @Field(() => Boolean, {
    description:
      "Whether `cost` is the most that it can have cost: nobody knows what the provider charged, as after a crash or when it was canceled while it ran.",
  })
  get costIsEstimated(): boolean {
    return this.#generation.costIsEstimated ?? false;
  }

  @Field(() => DateTimeScalar, { description: "When it was accepted." })
  get createdAt(): Date {
    return this.#generation.createdAt;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it went to the provider." })
  get startedAt(): Date | null {
    return this.#generation.startedAt ?? null;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it ended." })
  get finishedAt(): Date | null {
    return this.#generation.finishedAt ?? null;
  }
}
