import type { ApiKey, Project } from "../../../../ports/projects/projects.ts";
import type { ListPage, ListRequest } from "../../../../service/projects/list-page.ts";
import type { GraphQLContext } from "../../context.ts";
import { Args, Ctx, Field, ObjectType } from "../../type-graphql.ts";
import { ForwardArgs, PageInfoType, parseCursor, toCursor } from "../history/page-info-type.ts";
import { NodeType } from "../node-type.ts";
import { DateTimeScalar } from "../scalars.ts";
import { withoutNulls } from "../without-nulls.ts";
import { BudgetType } from "./budget-type.ts";
import { LimitsType } from "./limits-type.ts";

@ObjectType("Project", { implements: NodeType, description: "Owns generations, images and API keys." })
export class ProjectType extends NodeType {
  readonly #project: Project;

  constructor(project: Project) {
    super();
    this.#project = project;
    this.id = project.id;
  }

  @Field(() => String, { description: "A name for people." })
  get name(): string {
    return this.#project.name;
  }

  @Field(() => Boolean, { description: "Whether its API keys are refused." })
  get isDisabled(): boolean {
    return this.#project.isDisabled;
  }

  @Field(() => Boolean, {
    description: "Whether `POST /get-image` works without credentials. Only `proj_public` has a use for it.",
  })
  get allowsAnonymous(): boolean {
    return this.#project.allowsAnonymous;
  }

  @Field(() => LimitsType, { description: "The limits of all its keys together." })
  get limits(): LimitsType {
    return new LimitsType(this.#project.limits);
  }

  @Field(() => [BudgetType], { description: "Its budgets, and how much of each is used." })
  async budgets(@Ctx() { ledger, loaders }: GraphQLContext): Promise<BudgetType[]> {
    const spending = await loaders.spending.load(this.id);
    return ledger.budgetsOf("PROJECT", this.#project.limits, spending).map((budget) => new BudgetType(budget));
  }

  @Field(() => ApiKeyConnectionType, { description: "Its API keys, newest first, including revoked ones." })
  async apiKeys(
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ApiKeyConnectionType> {
    return new ApiKeyConnectionType(await projects.listApiKeys(request.caller, this.id, toListRequest(args, "key")));
  }

  @Field(() => DateTimeScalar, { description: "When it was created." })
  get createdAt(): Date {
    return this.#project.createdAt;
  }
}

@ObjectType("ApiKey", {
  implements: NodeType,
  description: "A credential for a program. Its token is shown once, when it is created or rotated.",
})
export class ApiKeyType extends NodeType {
  readonly #apiKey: ApiKey;

  constructor(apiKey: ApiKey) {
    super();
    this.#apiKey = apiKey;
    this.id = apiKey.id;
  }

  @Field(() => String, { description: "A name for people." })
  get name(): string {
    return this.#apiKey.name;
  }

  @Field(() => String, { description: "The beginning of its newest token, by which people recognise it." })
  get prefix(): string {
    return this.#apiKey.prefix;
  }

  @Field(() => ProjectType, { description: "The project that it belongs to." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType> {
    const project = await loaders.project.load(this.#apiKey.projectId);
    if (!project) throw new Error("an API key has no project");
    return new ProjectType(project);
  }

  @Field(() => Boolean, { description: "Whether it is refused for now." })
  get isDisabled(): boolean {
    return this.#apiKey.isDisabled;
  }

  @Field(() => LimitsType, { description: "Its limits. The limits of its project apply too." })
  get limits(): LimitsType {
    return new LimitsType(this.#apiKey.limits);
  }

  @Field(() => [BudgetType], {
    description: "Its budgets, and how much of each is used; those of its project apply besides.",
  })
  async budgets(@Ctx() { ledger, loaders }: GraphQLContext): Promise<BudgetType[]> {
    const spending = await loaders.spending.load(this.id);
    return ledger.budgetsOf("API_KEY", this.#apiKey.limits, spending).map((budget) => new BudgetType(budget));
  }

  @Field(() => DateTimeScalar, { description: "When it was created." })
  get createdAt(): Date {
    return this.#apiKey.createdAt;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it expires; null for never." })
  get expiresAt(): Date | null {
    return this.#apiKey.expiresAt ?? null;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it was revoked; null if it was not." })
  get revokedAt(): Date | null {
    return this.#apiKey.revokedAt ?? null;
  }

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: "When it was last used, to about a minute; null before the first use.",
  })
  get lastUsedAt(): Date | null {
    return this.#apiKey.lastUsedAt ?? null;
  }
}

@ObjectType("ApiKeyEdge", { description: "An API key with its cursor." })
class ApiKeyEdgeType {
  @Field(() => String, { description: "Opaque; for `after`." })
  cursor!: string;

  @Field(() => ApiKeyType, { description: "The API key itself." })
  node!: ApiKeyType;
}

@ObjectType("ApiKeyConnection", { description: "A page of API keys, newest first." })
export class ApiKeyConnectionType {
  @Field(() => [ApiKeyEdgeType], { description: "The API keys with their cursors." })
  edges: ApiKeyEdgeType[];

  @Field(() => [ApiKeyType], { description: "The API keys without their cursors." })
  get nodes(): ApiKeyType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "Whether there are more items, and the cursors of the page." })
  pageInfo: PageInfoType;

  constructor(page: ListPage<ApiKey>) {
    this.edges = toEdges(page, (apiKey) => new ApiKeyType(apiKey));
    this.pageInfo = toPageInfo(page);
  }
}

@ObjectType("ProjectEdge", { description: "A project with its cursor." })
class ProjectEdgeType {
  @Field(() => String, { description: "Opaque; for `after` and `before`." })
  cursor!: string;

  @Field(() => ProjectType, { description: "The project itself." })
  node!: ProjectType;
}

@ObjectType("ProjectConnection", { description: "A page of projects, newest first." })
export class ProjectConnectionType {
  @Field(() => [ProjectEdgeType], { description: "The projects with their cursors." })
  edges: ProjectEdgeType[];

  @Field(() => [ProjectType], { description: "The projects without their cursors." })
  get nodes(): ProjectType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "Whether there are more items, and the cursors of the page." })
  pageInfo: PageInfoType;

  constructor(page: ListPage<Project>) {
    this.edges = toEdges(page, (project) => new ProjectType(project));
    this.pageInfo = toPageInfo(page);
  }
}

/** Reads the arguments of a list. @throws BAD_USER_INPUT naming a cursor that the gateway did not make */
export function toListRequest(
  args: { readonly first?: number; readonly last?: number; readonly after?: string; readonly before?: string },
  prefix: string,
): ListRequest {
  const { after, before, ...rest } = withoutNulls(args);
  return {
    ...rest,
    ...(after !== undefined && { after: parseCursor("after", after, prefix) }),
    ...(before !== undefined && { before: parseCursor("before", before, prefix) }),
  };
}

type Identified = { readonly id: string };

export function toEdges<Item extends Identified, Node>(
  { items }: ListPage<Item>,
  toNode: (item: Item) => Node,
): { cursor: string; node: Node }[] {
  return items.map((item) => ({ cursor: toCursor(item.id), node: toNode(item) }));
}

export function toPageInfo({ items, hasNextPage, hasPreviousPage }: ListPage<Identified>): PageInfoType {
  const [first, last] = [items.at(0), items.at(-1)];
  return {
    hasNextPage,
    hasPreviousPage,
    startCursor: first ? toCursor(first.id) : null,
    endCursor: last ? toCursor(last.id) : null,
  };
}
