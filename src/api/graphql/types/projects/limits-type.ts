import type { Operation } from "../../../../ports/image-provider.ts";
import type { BudgetWindow, Limits } from "../../../../ports/projects/projects.ts";
import type { LimitsChange } from "../../../../service/projects/limits.ts";
import { Field, InputType, Int, ObjectType } from "../../type-graphql.ts";
import { BudgetWindowEnum, OperationEnum } from "../enums.ts";
import { UsdScalar } from "../scalars.ts";

@ObjectType("BudgetLimit", { description: "A budget for a window of time." })
class BudgetLimitType {
  @Field(() => BudgetWindowEnum, { description: "The window of time." })
  window!: BudgetWindow;

  @Field(() => UsdScalar, { nullable: true, description: "US dollars; null for no limit." })
  limitUsd!: string | null;

  @Field(() => Int, { nullable: true, description: "Images; null for no limit." })
  limitImages!: number | null;
}

@ObjectType("Limits", { description: "The limits of a project or an API key; null for no limit." })
export class LimitsType {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  @Field(() => [BudgetLimitType], { description: "Budgets. All of them apply." })
  get budgets(): BudgetLimitType[] {
    return (this.#limits.budgets ?? []).map(({ window, limitUsd = null, limitImages = null }) => ({
      window,
      limitUsd,
      limitImages,
    }));
  }

  @Field(() => Int, { nullable: true, description: "Accepted requests for images in a minute." })
  get requestsPerMinute(): number | null {
    return this.#limits.requestsPerMinute ?? null;
  }

  @Field(() => Int, { nullable: true, description: "The same for each address that sends no credentials." })
  get requestsPerMinutePerAddress(): number | null {
    return this.#limits.requestsPerMinutePerAddress ?? null;
  }

  @Field(() => Int, { nullable: true, description: "Images of accepted requests in a minute." })
  get imagesPerMinute(): number | null {
    return this.#limits.imagesPerMinute ?? null;
  }

  @Field(() => Int, { nullable: true, description: "Generations that are `QUEUED` or `RUNNING` at once." })
  get concurrentGenerations(): number | null {
    return this.#limits.concurrentGenerations ?? null;
  }

  @Field(() => [String], { nullable: true, description: "The only models that may be used; null for all." })
  get models(): readonly string[] | null {
    return this.#limits.models ?? null;
  }

  @Field(() => [OperationEnum], { nullable: true, description: "The only operations that may be used; null for all." })
  get operations(): readonly Operation[] | null {
    return this.#limits.operations ?? null;
  }
}

@InputType("BudgetLimitInput", { description: "A budget for a window of time: dollars, images or both." })
class BudgetLimitInput {
  @Field(() => BudgetWindowEnum, { description: "The window of time. A list has each window at most once." })
  window!: BudgetWindow;

  @Field(() => UsdScalar, { nullable: true, description: 'US dollars with at most twelve decimals: "12.50".' })
  limitUsd?: string | null;

  @Field(() => Int, { nullable: true, description: "Images." })
  limitImages?: number | null;
}

@InputType("LimitsInput", {
  description: "Limits to set. Absent limits do not change, null removes a limit, and a list replaces the list before.",
})
export class LimitsInput {
  @Field(() => [BudgetLimitInput], { nullable: true, description: "Budgets. All of them apply." })
  budgets?: BudgetLimitInput[] | null;

  @Field(() => Int, { nullable: true, description: "Accepted requests for images in a minute." })
  requestsPerMinute?: number | null;

  @Field(() => Int, { nullable: true, description: "The same for each address that sends no credentials." })
  requestsPerMinutePerAddress?: number | null;

  @Field(() => Int, { nullable: true, description: "Images of accepted requests in a minute." })
  imagesPerMinute?: number | null;

  @Field(() => Int, { nullable: true, description: "Generations that are `QUEUED` or `RUNNING` at once." })
  concurrentGenerations?: number | null;

  @Field(() => [String], {
    nullable: true,
    description: "The only models that may be used, at most 100. An alias allows its models.",
  })
  models?: string[] | null;

  @Field(() => [OperationEnum], { nullable: true, description: "The only operations that may be used." })
  operations?: Operation[] | null;
}

export function toLimitsChange({ budgets, ...rest }: LimitsInput): LimitsChange {
  if (!budgets) return { ...rest, ...(budgets === null && { budgets }) };
  return {
    ...rest,
    budgets: budgets.map(({ window, limitUsd, limitImages }) => ({
      window,
      ...(limitUsd != null && { limitUsd }),
      ...(limitImages != null && { limitImages }),
    })),
  };
}
