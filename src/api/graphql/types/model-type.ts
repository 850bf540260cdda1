import type { ModelDescription, Operation } from "../../../ports/image-provider.ts";
import type { ImageService } from "../../../service/image-service.ts";
import type { GraphQLContext } from "../context.ts";
import { Ctx, Field, ID, Int, ObjectType } from "../type-graphql.ts";
import { OperationEnum } from "./enums.ts";
import { WarningType } from "./warning-type.ts";

type ShownModel = Pick<
  ModelDescription,
  "id" | "provider" | "operations" | "maxImages" | "shutdownDate" | "replacement"
>;

@ObjectType("Model", { description: "A model that makes images." })
export class ModelType {
  @Field(() => ID, { description: "The name to ask for it by: `gpt-image-2.6-flare`." })
  id: string;

  @Field(() => String, {
    description: "Who runs it: `openai`, `illustrator`; `unknown` where the gateway has it no more.",
  })
  provider: string;

  @Field(() => Boolean, { description: "Whether it is used when none is named." })
  isDefault: boolean;

  @Field(() => [OperationEnum], { description: "What it can do." })
  operations: readonly Operation[];

  @Field(() => Int, { description: "The most images of one generation." })
  maxImages: number;

  @Field(() => String, {
    nullable: true,
    description: "The day it stops working, YYYY-MM-DD, as its vendor announced it; null while none is announced.",
  })
  shutdownDate: string | null;

  @Field(() => String, { nullable: true, description: "The model that takes its place from that day on." })
  replacement: string | null;

  @Field(() => [WarningType], {
    description: "What is to be known before it is used: that it shuts down within 30 days.",
  })
  warnings(@Ctx() { service }: GraphQLContext): readonly WarningType[] {
    const known = service.model(this.id);
    return known ? service.modelWarnings(known) : [];
  }

  constructor(model: ShownModel, defaultId: string) {
    this.id = model.id;
    this.provider = model.provider;
    this.isDefault = model.id === defaultId;
    this.operations = model.operations;
    this.maxImages = model.maxImages;
    this.shutdownDate = model.shutdownDate ?? null;
    this.replacement = (model.shutdownDate && model.replacement) ?? null;
  }
}

/** The model of this name, retired or not; null when there is none. */
export function findModel(id: string, service: ImageService): ModelType | null {
  const description = service.model(id);
  return description ? new ModelType(description, service.models.defaultId) : null;
}

/** The model of a generation. The operator may have taken it away since; the generation's history stays. */
export function modelOf(id: string, service: ImageService): ModelType {
  const forgotten = { id, provider: "unknown", operations: [], maxImages: 0 };
  return findModel(id, service) ?? new ModelType(forgotten, service.models.defaultId);
}
