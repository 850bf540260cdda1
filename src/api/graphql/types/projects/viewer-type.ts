import type { Caller } from "../../../../service/projects/caller.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, ObjectType } from "../../type-graphql.ts";
import { BudgetType } from "./budget-type.ts";
import { ApiKeyType, ProjectType } from "./project-type.ts";

@ObjectType("Viewer", { description: "Who asks." })
export class ViewerType {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  @Field(() => ProjectType, { description: "The project that what you make belongs to." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType> {
    const project = await loaders.project.load(this.#caller.projectId);
    if (!project) throw new Error("a caller has no project");
    return new ProjectType(project);
  }

  @Field(() => ApiKeyType, { nullable: true, description: "The API key that you call with; null for other callers." })
  async apiKey(@Ctx() { loaders }: GraphQLContext): Promise<ApiKeyType | null> {
    const { apiKeyId } = this.#caller;
    const apiKey = apiKeyId === undefined ? undefined : await loaders.apiKey.load(apiKeyId);
    return apiKey ? new ApiKeyType(apiKey) : null;
  }

  @Field(() => String, { nullable: true, description: "The end user whose records alone you see; null for no such." })
  get endUser(): string | null {
    return this.#caller.endUser ?? null;
  }

  @Field(() => [BudgetType], { description: "The budgets that apply to you, and how much of each is used." })
  async budgets(@Ctx() context: GraphQLContext): Promise<BudgetType[]> {
    const [project, apiKey] = await Promise.all([this.project(context), this.apiKey(context)]);
    const budgets = await Promise.all([project.budgets(context), apiKey?.budgets(context) ?? []]);
    return budgets.flat();
  }

  @Field(() => Boolean, { description: "Whether you manage projects and keys." })
  get isAdmin(): boolean {
    return this.#caller.isAdmin ?? false;
  }
}
