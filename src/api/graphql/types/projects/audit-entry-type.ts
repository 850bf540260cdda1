import type { AuditEntry } from "../../../../ports/projects/projects.ts";
import type { ListPage } from "../../../../service/projects/list-page.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, ID, ObjectType } from "../../type-graphql.ts";
import { PageInfoType } from "../history/page-info-type.ts";
import { DateTimeScalar } from "../scalars.ts";
import { ApiKeyType, ProjectType, toEdges, toPageInfo } from "./project-type.ts";

@ObjectType("AuditEntry", { description: "A change of a project, an API key or a webhook, and who made it." })
class AuditEntryType {
  readonly #entry: AuditEntry;

  constructor(entry: AuditEntry) {
    this.#entry = entry;
  }

  @Field(() => ID, { description: "`log_…`, sorts by time." })
  get id(): string {
    return this.#entry.id;
  }

  @Field(() => String, {
    description:
      "`admin:` and the first digits of the SHA-256 of the admin key, the id of an API key, or `anyone` on an open gateway.",
  })
  get actor(): string {
    return this.#entry.actor;
  }

  @Field(() => String, { description: "The name of the mutation: `createProject`." })
  get action(): string {
    return this.#entry.action;
  }

  @Field(() => ProjectType, { nullable: true, description: "The project that was changed, or whose key was changed." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType | null> {
    const { projectId } = this.#entry;
    const project = projectId === undefined ? undefined : await loaders.project.load(projectId);
    return project ? new ProjectType(project) : null;
  }

  @Field(() => ApiKeyType, { nullable: true, description: "The API key that was changed; null if none was." })
  async apiKey(@Ctx() { loaders }: GraphQLContext): Promise<ApiKeyType | null> {
    const { apiKeyId } = this.#entry;
    const apiKey = apiKeyId === undefined ? undefined : await loaders.apiKey.load(apiKeyId);
    return apiKey ? new ApiKeyType(apiKey) : null;
  }

  @Field(() => ID, { nullable: true, description: "The webhook endpoint that was changed; null if none was." })
  get webhookEndpointId(): string | null {
    return this.#entry.webhookEndpointId ?? null;
  }

  @Field(() => [String], { description: "The names of the fields that were set." })
  get changes(): readonly string[] {
    return this.#entry.changes;
  }

  @Field(() => DateTimeScalar, { description: "When the change was made." })
  get createdAt(): Date {
    return this.#entry.createdAt;
  }
}

@ObjectType("AuditEntryEdge", { description: "An entry with its cursor." })
class AuditEntryEdgeType {
  @Field(() => String, { description: "Opaque; for `after`." })
  cursor!: string;

  @Field(() => AuditEntryType, { description: "The entry itself." })
  node!: AuditEntryType;
}

@ObjectType("AuditEntryConnection", { description: "A page of the log, newest first." })
export class AuditEntryConnectionType {
  @Field(() => [AuditEntryEdgeType], { description: "The entries with their cursors." })
  edges: AuditEntryEdgeType[];

  @Field(() => [AuditEntryType], { description: "The entries without their cursors." })
  get nodes(): AuditEntryType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "Whether there are more entries, and the cursors of the page." })
  pageInfo: PageInfoType;

  constructor(page: ListPage<AuditEntry>) {
    this.edges = toEdges(page, (entry) => new AuditEntryType(entry));
    this.pageInfo = toPageInfo(page);
  }
}
