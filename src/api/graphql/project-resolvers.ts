import type { GraphQLContext } from "./context.ts";
import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver } from "./type-graphql.ts";
import { ForwardArgs } from "./types/history/page-info-type.ts";
import { AuditEntryConnectionType } from "./types/projects/audit-entry-type.ts";
import { type LimitsInput, toLimitsChange } from "./types/projects/limits-type.ts";
import {
  CreateApiKeyInput,
  CreateApiKeyPayloadType,
  CreateProjectInput,
  ProjectsArgs,
  RotateApiKeyPayloadType,
  UpdateApiKeyInput,
  UpdateProjectInput,
} from "./types/projects/project-inputs.ts";
import { ApiKeyType, ProjectConnectionType, ProjectType, toListRequest } from "./types/projects/project-type.ts";
import { DEFAULT_DIMENSIONS, UsageArgs, UsageRowType } from "./types/projects/usage-type.ts";
import { ViewerType } from "./types/projects/viewer-type.ts";

const DEFAULT_OVERLAP_SECONDS = 86_400;

/** The operations of projects, API keys and usage. */
@Resolver()
export class ProjectResolver {
  @Query(() => ViewerType, { description: "The caller: your project, API key and end user." })
  viewer(@Ctx() { request }: GraphQLContext): ViewerType {
    return new ViewerType(request.caller);
  }

  @Query(() => ProjectType, {
    nullable: true,
    description: "The project with this id: any for the admin key, otherwise only your own. Null for other projects.",
  })
  async project(@Arg("id", () => ID, { description: "`proj_…`" }) id: string, @Ctx() { loaders }: GraphQLContext) {
    const project = await loaders.project.load(id);
    return project ? new ProjectType(project) : null;
  }

  @Query(() => ProjectConnectionType, { description: "All projects, newest first; for the admin key." })
  async projects(
    @Args(() => ProjectsArgs) args: ProjectsArgs,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ProjectConnectionType> {
    return new ProjectConnectionType(await projects.listProjects(request.caller, toListRequest(args, "proj")));
  }

  @Query(() => AuditEntryConnectionType, {
    description: "Changes of projects, API keys and webhooks, and who made them, newest first; for the admin key.",
  })
  async auditLog(
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<AuditEntryConnectionType> {
    return new AuditEntryConnectionType(await projects.listEntries(request.caller, toListRequest(args, "log")));
  }

  @Query(() => [UsageRowType], {
    description: "What was generated in these days, and what it cost: at most 10,000 rows.",
  })
  async usage(
    @Args(() => UsageArgs) { from, to, by, projectId }: UsageArgs,
    @Ctx() { request, ledger }: GraphQLContext,
  ): Promise<UsageRowType[]> {
    const asked = { from, to: to ?? undefined, by: by ?? DEFAULT_DIMENSIONS, projectId: projectId ?? undefined };
    return (await ledger.usage(request.caller, asked)).map((sums) => new UsageRowType(sums));
  }

  @Mutation(() => ProjectType, { description: "Creates a project; for the admin key." })
  async createProject(
    @Arg("input", () => CreateProjectInput, { description: "What to create." }) input: CreateProjectInput,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ProjectType> {
    return new ProjectType(await projects.createProject(request.caller, { ...input, ...limitsOf(input) }));
  }

  @Mutation(() => ProjectType, { description: "Changes a project; for the admin key." })
  async updateProject(
    @Arg("input", () => UpdateProjectInput, { description: "What to change." }) input: UpdateProjectInput,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ProjectType> {
    const { id, ...changes } = input;
    return new ProjectType(await projects.updateProject(request.caller, id, { ...changes, ...limitsOf(input) }));
  }

  @Mutation(() => CreateApiKeyPayloadType, {
    description: "Creates an API key, and returns its token once; for the admin key.",
  })
  async createApiKey(
    @Arg("input", () => CreateApiKeyInput, { description: "What to create." }) input: CreateApiKeyInput,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<CreateApiKeyPayloadType> {
    const { projectId, ...asked } = input;
    const created = await projects.createApiKey(request.caller, projectId, { ...asked, ...limitsOf(input) });
    return new CreateApiKeyPayloadType(created);
  }

  @Mutation(() => ApiKeyType, { description: "Changes an API key; for the admin key." })
  async updateApiKey(
    @Arg("input", () => UpdateApiKeyInput, { description: "What to change." }) input: UpdateApiKeyInput,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ApiKeyType> {
    const { id, ...changes } = input;
    return new ApiKeyType(await projects.updateApiKey(request.caller, id, { ...changes, ...limitsOf(input) }));
  }

  @Mutation(() => RotateApiKeyPayloadType, {
    description:
      "Gives an API key a new token, and returns it once. The earlier tokens work until the overlap ends; for the admin key.",
  })
  async rotateApiKey(
    @Arg("id", () => ID, { description: "`key_…`" }) id: string,
    @Arg("overlapSeconds", () => Int, {
      nullable: true,
      defaultValue: DEFAULT_OVERLAP_SECONDS,
      description: "How long the earlier tokens still work: 0 to 2592000 seconds.",
    })
    overlapSeconds: number | null,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<RotateApiKeyPayloadType> {
    const overlap = overlapSeconds ?? DEFAULT_OVERLAP_SECONDS;
    return new RotateApiKeyPayloadType(await projects.rotateApiKey(request.caller, id, overlap));
  }

  @Mutation(() => ApiKeyType, {
    description: "Revokes an API key with all its tokens, in every process within a second; for the admin key.",
  })
  async revokeApiKey(
    @Arg("id", () => ID, { description: "`key_…`" }) id: string,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<ApiKeyType> {
    return new ApiKeyType(await projects.revokeApiKey(request.caller, id));
  }

  @Mutation(() => Int, {
    description:
      "Removes all generations and images of an end user of your project, and the end user's name from the ledger. Returns how many generations there were; for the admin key and API keys.",
  })
  deleteEndUserData(
    @Arg("endUser", () => String, { description: "The end user's name." }) endUser: string,
    @Ctx() { request, projects }: GraphQLContext,
  ): Promise<number> {
    return projects.deleteEndUserData(request.caller, endUser);
  }
}

/** Translates the limits of an input. Absent limits stay absent, and null stays null. */
function limitsOf({ limits }: { readonly limits?: LimitsInput | null }) {
  return { limits: limits && toLimitsChange(limits) };
}
