import { badInput, GatewayError } from "../../errors.ts";
import type { Ledger } from "../../ports/ledger.ts";
import type { ApiKey, ApiKeyChanges, AuditEntry, Project, ProjectChanges, Projects } from "../../ports/projects.ts";
import { PUBLIC_PROJECT } from "../../ports/records.ts";
import type { Caller } from "./caller.ts";
import { checkEndUser } from "./end-user.ts";
import { changeLimits, type LimitsChange } from "./limits.ts";
import { type ListPage, type ListRequest, readPage } from "./list-page.ts";
import { createToken, hashOf, prefixOf } from "./tokens.ts";

/** The longest name of a project or an API key, in characters. */
const MAX_NAME_LENGTH = 100;
/** How long the earlier tokens of a rotated key may go on working: 30 days. */
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;

/** In changes, what is absent stays as it is, and null takes it away. */
export interface ProjectInput {
  readonly name?: string | null | undefined;
  readonly isDisabled?: boolean | null | undefined;
  readonly allowsAnonymous?: boolean | null | undefined;
  readonly limits?: LimitsChange | null | undefined;
}

/** In changes, what is absent stays as it is, and null takes it away. */
export interface ApiKeyInput {
  readonly name?: string | null | undefined;
  readonly isDisabled?: boolean | null | undefined;
  readonly limits?: LimitsChange | null | undefined;
  readonly expiresAt?: Date | null | undefined;
}

/** A key with its new token, which nobody can read again. */
export interface ApiKeyWithToken {
  readonly apiKey: ApiKey;
  readonly token: string;
}

export interface ProjectServiceOptions {
  readonly projects: Projects;
  readonly ledger: Pick<Ledger, "forgetEndUser">;
  /** Called after each change of a project or an API key. */
  readonly onChange: () => void;
  readonly now: () => Date;
  /** @param prefix `proj`, `key` or `log` */
  readonly newId: (prefix: string) => string;
  /** Whether callers need credentials. */
  readonly isKeyed: boolean;
  /** Removes the generations of an end user, and answers how many they were. */
  readonly removeGenerationsOf: (projectId: string, endUser: string) => Promise<number>;
}

/** Projects and API keys: who may see them, and who may change them. */
export class ProjectService {
  readonly #options: ProjectServiceOptions;

  constructor(options: ProjectServiceOptions) {
    this.#options = options;
  }

  /** The projects with these ids, each in its place; `undefined` for those that the caller may not see. */
  async projects(caller: Caller, ids: readonly string[]): Promise<(Project | undefined)[]> {
    const visible = ids.filter((id) => caller.isAdmin || id === caller.projectId);
    const found = new Map((await this.#options.projects.find(visible)).map((project) => [project.id, project]));
    return ids.map((id) => found.get(id));
  }

  /** The API keys with these ids, each in its place; `undefined` for those that the caller may not see. */
  async apiKeys(caller: Caller, ids: readonly string[]): Promise<(ApiKey | undefined)[]> {
    const found = new Map((await this.#options.projects.findApiKeys(ids)).map((key) => [key.id, key]));
    return ids.map((id) => {
      const key = found.get(id);
      return key && (caller.isAdmin || id === caller.apiKeyId || mayListKeys(caller, key.projectId)) ? key : undefined;
    });
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT */
  listProjects(caller: Caller, request: ListRequest): Promise<ListPage<Project>> {
    this.#requireAdmin(caller);
    return readPage(request, (slice) => this.#options.projects.list(slice));
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT */
  listApiKeys(caller: Caller, projectId: string, request: ListRequest): Promise<ListPage<ApiKey>> {
    if (!caller.isAdmin && !mayListKeys(caller, projectId)) throw forbidden("end users see no API keys");
    return readPage(request, (slice) => this.#options.projects.listApiKeys(projectId, slice));
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT */
  listEntries(caller: Caller, request: ListRequest): Promise<ListPage<AuditEntry>> {
    this.#requireAdmin(caller);
    return readPage(request, (slice) => this.#options.projects.listEntries(slice));
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT */
  async createProject(caller: Caller, input: ProjectInput & { readonly name: string }): Promise<Project> {
    this.#requireAdmin(caller);
    const { projects, now, newId } = this.#options;
    const project: Project = {
      id: newId("proj"),
      name: checkName(input.name),
      isDisabled: input.isDisabled ?? false,
      allowsAnonymous: input.allowsAnonymous ?? false,
      limits: changeLimits({}, input.limits ?? {}),
      createdAt: now(),
    };
    await projects.create(project, this.#entry(caller, "createProject", input, { projectId: project.id }));
    return project;
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND */
  async updateProject(caller: Caller, id: string, input: ProjectInput): Promise<Project> {
    this.#requireAdmin(caller);
    const { projects, onChange } = this.#options;
    const { name, isDisabled, allowsAnonymous, limits } = input;
    const change = (before: Project): ProjectChanges => ({
      ...(name !== undefined && { name: checkName(name) }),
      ...(isDisabled !== undefined && { isDisabled: isDisabled ?? false }),
      ...(allowsAnonymous !== undefined && { allowsAnonymous: allowsAnonymous ?? false }),
      ...(limits !== undefined && { limits: changeLimits(before.limits, limits) }),
    });
    const entry = this.#entry(caller, "updateProject", input, { projectId: id });
    const project = await projects.update(id, change, entry);
    onChange();
    if (!project) throw unknownProject("id");
    return project;
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND */
  async createApiKey(
    caller: Caller,
    projectId: string,
    input: ApiKeyInput & { readonly name: string },
  ): Promise<ApiKeyWithToken> {
    this.#requireAdmin(caller);
    const { projects, now, newId } = this.#options;
    const token = createToken();
    const createdAt = now();
    const expiresAt = this.#checkExpiry(input.expiresAt);
    const apiKey: ApiKey = {
      id: newId("key"),
      projectId,
      name: checkName(input.name),
      prefix: prefixOf(token),
      isDisabled: input.isDisabled ?? false,
      limits: changeLimits({}, input.limits ?? {}),
      createdAt,
      ...(expiresAt && { expiresAt }),
    };
    const entry = this.#entry(caller, "createApiKey", input, { projectId, apiKeyId: apiKey.id });
    const record = { hash: hashOf(token), prefix: apiKey.prefix, createdAt };
    if (!(await projects.createApiKey(apiKey, record, entry))) throw unknownProject("projectId");
    return { apiKey, token };
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND */
  async updateApiKey(caller: Caller, id: string, input: ApiKeyInput): Promise<ApiKey> {
    this.#requireAdmin(caller);
    const { projects, onChange } = this.#options;
    const before = await this.#apiKey(id);
    const { name, isDisabled, limits, expiresAt } = input;
    const change = (apiKey: ApiKey): ApiKeyChanges => ({
      ...(name !== undefined && { name: checkName(name) }),
      ...(isDisabled !== undefined && { isDisabled: isDisabled ?? false }),
      ...(limits !== undefined && { limits: changeLimits(apiKey.limits, limits) }),
      ...(expiresAt !== undefined && { expiresAt: this.#checkExpiry(expiresAt) }),
    });
    const entry = this.#entry(caller, "updateApiKey", input, { projectId: before.projectId, apiKeyId: id });
    const apiKey = await projects.updateApiKey(id, change, entry);
    onChange();
    if (!apiKey) throw unknownApiKey();
    return apiKey;
  }

  /**
   * Gives a key another token, beside which the earlier ones go on working for a while.
   *
   * @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND
   */
  async rotateApiKey(caller: Caller, id: string, overlapSeconds: number): Promise<ApiKeyWithToken> {
    this.#requireAdmin(caller);
    if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > MAX_OVERLAP_SECONDS) {
      throw badInput("overlapSeconds", `overlapSeconds must be a whole number from 0 to ${MAX_OVERLAP_SECONDS}`);
    }
    const { projects, onChange, now } = this.#options;
    const before = await this.#apiKey(id);
    const token = createToken();
    const createdAt = now();
    const record = { hash: hashOf(token), prefix: prefixOf(token), createdAt };
    const until = new Date(createdAt.getTime() + overlapSeconds * 1000);
    const entry = this.#entry(caller, "rotateApiKey", {}, { projectId: before.projectId, apiKeyId: id });
    const apiKey = await projects.rotateApiKey(id, record, until, entry);
    onChange();
    if (!apiKey) throw badInput("id", "this API key is revoked for good; create another one");
    return { apiKey, token };
  }

  /** Ends a key with all its tokens, in every process within a second. @throws FORBIDDEN, NOT_FOUND */
  async revokeApiKey(caller: Caller, id: string): Promise<ApiKey> {
    this.#requireAdmin(caller);
    const { projects, onChange, now } = this.#options;
    const before = await this.#apiKey(id);
    const entry = this.#entry(caller, "revokeApiKey", {}, { projectId: before.projectId, apiKeyId: id });
    const apiKey = await projects.revokeApiKey(id, now(), entry);
    onChange();
    if (!apiKey) throw unknownApiKey();
    return apiKey;
  }

  /**
   * Removes everything of an end user of the caller's project, and their name in the ledger, and answers how many
   * generations that were.
   *
   * @throws FORBIDDEN unless the caller is the admin or an API key, BAD_USER_INPUT
   */
  async deleteEndUserData(caller: Caller, endUser: string): Promise<number> {
    if (caller.apiKeyId === undefined) this.#requireAdmin(caller);
    checkEndUser("endUser", endUser);
    if (caller.endUser !== undefined && caller.endUser !== endUser) {
      throw forbidden("an end user's data is deleted without Pictograph-End-User, or with that end user's name in it");
    }
    const { projects, ledger, removeGenerationsOf } = this.#options;
    const { projectId } = caller;
    const removed = await removeGenerationsOf(projectId, endUser);
    await ledger.forgetEndUser(projectId, endUser);
    // Without the name: it is to be forgotten.
    await projects.addEntry(this.#entry(caller, "deleteEndUserData", {}, { projectId }));
    return removed;
  }

  /** Whether callers without credentials may use the public project. */
  async allowsAnonymous(): Promise<boolean> {
    const [project] = await this.#options.projects.find([PUBLIC_PROJECT]);
    return project?.allowsAnonymous === true && !project.isDisabled;
  }

  /** @throws NOT_FOUND when there is no such project */
  async requireProject(id: string): Promise<void> {
    const [project] = await this.#options.projects.find([id]);
    if (!project) throw unknownProject("Pictograph-Project");
  }

  #requireAdmin({ isAdmin }: Caller): void {
    if (isAdmin) return;
    throw forbidden(
      this.#options.isKeyed
        ? "only the admin key may do this"
        : "this gateway is open, and manages no projects and keys; set PICTOGRAPH_ADMIN_KEY and call with that key",
    );
  }

  async #apiKey(id: string): Promise<ApiKey> {
    const [apiKey] = await this.#options.projects.findApiKeys([id]);
    if (!apiKey) throw unknownApiKey();
    return apiKey;
  }

  #checkExpiry(expiresAt: Date | null | undefined): Date | undefined {
    if (!expiresAt) return undefined;
    if (expiresAt > this.#options.now()) return expiresAt;
    throw badInput("expiresAt", "expiresAt must be in the future; revokeApiKey ends a key at once");
  }

  #entry(
    { adminKeyHint, apiKeyId }: Caller,
    action: string,
    input: object,
    target: Pick<AuditEntry, "projectId" | "apiKeyId">,
  ): AuditEntry {
    const { now, newId } = this.#options;
    const changes = Object.entries(input).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    const actor = apiKeyId ?? `admin:${adminKeyHint}`;
    return { id: newId("log"), actor, action, ...target, changes, createdAt: now() };
  }
}

/** An end user is not told of the keys of its project. */
function mayListKeys(caller: Caller, projectId: string): boolean {
  return caller.projectId === projectId && caller.endUser === undefined;
}

function checkName(name: string | null): string {
  if (name !== null && name.trim() !== "" && name.length <= MAX_NAME_LENGTH && /^[^\p{Cc}\p{Cs}]+$/u.test(name)) {
    return name;
  }
  throw badInput("name", `name must have 1 to ${MAX_NAME_LENGTH} characters, without control characters`);
}

function unknownProject(field: string): GatewayError {
  return new GatewayError("NOT_FOUND", "there is no such project", { field });
}

function unknownApiKey(): GatewayError {
  return new GatewayError("NOT_FOUND", "there is no such API key", { field: "id" });
}

function forbidden(message: string): GatewayError {
  return new GatewayError("FORBIDDEN", message);
}
