import type { BudgetScope, BudgetState } from "../../../../ports/projects/ledger.ts";
import type { BudgetWindow } from "../../../../ports/projects/projects.ts";
import { Field, Int, ObjectType } from "../../type-graphql.ts";
import { BudgetScopeEnum, BudgetWindowEnum } from "../enums.ts";
import { DateTimeScalar, UsdScalar } from "../scalars.ts";

@ObjectType("Budget", { description: "A budget, and how much of it is used in its current window." })
export class BudgetType {
  readonly #budget: BudgetState;

  constructor(budget: BudgetState) {
    this.#budget = budget;
  }

  @Field(() => BudgetScopeEnum, { description: "Whose budget it is." })
  get scope(): BudgetScope {
    return this.#budget.scope;
  }

  @Field(() => BudgetWindowEnum, { description: "The window of time." })
  get window(): BudgetWindow {
    return this.#budget.window;
  }

  @Field(() => UsdScalar, { nullable: true, description: "US dollars; null for no limit." })
  get limitUsd(): string | null {
    return this.#budget.limitUsd ?? null;
  }

  @Field(() => Int, { nullable: true, description: "Images; null for no limit." })
  get limitImages(): number | null {
    return this.#budget.limitImages ?? null;
  }

  @Field(() => UsdScalar, { description: "The cost of generations that have ended." })
  get spentUsd(): string {
    return this.#budget.spentUsd;
  }

  @Field(() => UsdScalar, { description: "The most that generations can cost that have not ended." })
  get heldUsd(): string {
    return this.#budget.heldUsd;
  }

  @Field(() => Int, { description: "Images of generations that have ended." })
  get spentImages(): number {
    return this.#budget.spentImages;
  }

  @Field(() => Int, { description: "Images asked for by generations that have not ended." })
  get heldImages(): number {
    return this.#budget.heldImages;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When the window ends; null for never." })
  get resetsAt(): Date | null {
    return this.#budget.resetsAt ?? null;
  }
}
