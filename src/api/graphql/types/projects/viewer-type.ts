import { GatewayError } from "../../../../errors.ts";
import type { Caller } from "../../../../service/projects/caller.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, ObjectType } from "../../type-graphql.ts";
import { BudgetType } from "./budget-type.ts";
import { ApiKeyType, ProjectType } from "./project-type.ts";

@ObjectType("Viewer", { description: "The caller of this request." })
export class ViewerType {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  @Field(() => ProjectType, { description: "The project that your new generations belong to." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType> {
    const { projectId } = this.#caller;
    const project = await loaders.project.load(projectId);
    if (project) return new ProjectType(project);
    // Only a host program names projects that do not exist.
    throw new GatewayError(
      "NOT_FOUND",
      `the project of this request, ${JSON.stringify(projectId)}, does not exist; create it with createProject, or name another in authenticate`,
    );
  }

  @Field(() => ApiKeyType, { nullable: true, description: "Your API key; null if you call with something else." })
  async apiKey(@Ctx() { loaders }: GraphQLContext): Promise<ApiKeyType | null> {
    const { apiKeyId } = this.#caller;
    const apiKey = apiKeyId === undefined ? undefined : await loaders.apiKey.load(apiKeyId);
    return apiKey ? new ApiKeyType(apiKey) : null;
  }

  @Field(() => String, {
    nullable: true,
    description: "The end user that you call for. You then see only its records. Null if you call for none.",
  })
  get endUser(): string | null {
    return this.#caller.endUser ?? null;
  }

  @Field(() => [BudgetType], { description: "The budgets that apply to you, and how much of each is used." })
  async budgets(@Ctx() context: GraphQLContext): Promise<BudgetType[]> {
    const [project, apiKey] = await Promise.all([this.project(context), this.apiKey(context)]);
    const budgets = await Promise.all([project.budgets(context), apiKey?.budgets(context) ?? []]);
    return budgets.flat();
  }

  @Field(() => Boolean, { description: "Whether you may manage projects and keys." })
  get isAdmin(): boolean {
    return this.#caller.isAdmin ?? false;
  }
}
