import type { Operation } from "../../../../ports/image-provider.ts";
import type { UsageDimension, UsageSums } from "../../../../ports/projects/ledger.ts";
import type { GraphQLContext } from "../../context.ts";
import { ArgsType, Ctx, Field, ID, Int, ObjectType } from "../../type-graphql.ts";
import { OperationEnum, UsageDimensionEnum } from "../enums.ts";
import { DateTimeScalar, UsdScalar } from "../scalars.ts";
import { ApiKeyType, ProjectType } from "./project-type.ts";

export const DEFAULT_DIMENSIONS: UsageDimension[] = ["DAY", "MODEL"];

@ArgsType()
export class UsageArgs {
  @Field(() => DateTimeScalar, { description: "Counts from the UTC day that this moment is in." })
  from!: Date;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: "Counts to the UTC day that this moment is in; midnight does not begin another one. If absent, now.",
  })
  to?: Date | null;

  @Field(() => [UsageDimensionEnum], {
    nullable: true,
    defaultValue: DEFAULT_DIMENSIONS,
    description:
      "The dimensions of the rows: each row has its own combination of values. `END_USER` covers at most 31 days.",
  })
  by?: UsageDimension[] | null;

  @Field(() => ID, {
    nullable: true,
    description: "Only this project: `proj_…`. If absent, yours, and with the admin key every project.",
  })
  projectId?: string | null;
}

@ObjectType("UsageRow", {
  description:
    "Generations that have ended, and what they cost. They count on the day on which they were accepted. A dimension is null if it was not requested.",
})
export class UsageRowType {
  readonly #sums: UsageSums;

  constructor(sums: UsageSums) {
    this.#sums = sums;
  }

  @Field(() => String, { nullable: true, description: 'The UTC day: "2026-11-30".' })
  get day(): string | null {
    return this.#sums.day ?? null;
  }

  @Field(() => String, { nullable: true, description: "The id of the model." })
  get model(): string | null {
    return this.#sums.model ?? null;
  }

  @Field(() => OperationEnum, { nullable: true, description: "What was done." })
  get operation(): Operation | null {
    return this.#sums.operation ?? null;
  }

  @Field(() => ProjectType, { nullable: true, description: "The project." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType | null> {
    const { projectId } = this.#sums;
    const project = projectId === undefined ? undefined : await loaders.project.load(projectId);
    return project ? new ProjectType(project) : null;
  }

  @Field(() => ApiKeyType, { nullable: true, description: "The API key; null for other credentials, and for none." })
  async apiKey(@Ctx() { loaders }: GraphQLContext): Promise<ApiKeyType | null> {
    const { apiKeyId } = this.#sums;
    const apiKey = apiKeyId === undefined ? undefined : await loaders.apiKey.load(apiKeyId);
    return apiKey ? new ApiKeyType(apiKey) : null;
  }

  @Field(() => String, { nullable: true, description: "The end user; null for nobody in particular." })
  get endUser(): string | null {
    return this.#sums.endUser ?? null;
  }

  @Field(() => Int, { description: "How many generations have ended." })
  get generations(): number {
    return this.#sums.generations;
  }

  @Field(() => Int, { description: "How many images were charged." })
  get images(): number {
    return this.#sums.images;
  }

  @Field(() => UsdScalar, { description: "What they cost. What has no known cost counts 0." })
  get cost(): string {
    return this.#sums.costUsd;
  }

  @Field(() => UsdScalar, { description: "The part of `cost` that is an estimate." })
  get estimatedCost(): string {
    return this.#sums.estimatedUsd;
  }
}
