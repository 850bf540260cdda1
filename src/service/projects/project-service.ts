import { badInput, GatewayError } from "../../errors.ts";
import type { Ledger } from "../../ports/projects/ledger.ts";
import type {
  ApiKey,
  ApiKeyChanges,
  AuditEntry,
  Project,
  ProjectChanges,
  Projects,
} from "../../ports/projects/projects.ts";
import { PUBLIC_PROJECT } from "../../ports/records.ts";
import type { Caller } from "./caller.ts";
import { checkEndUser } from "./end-user.ts";
import { changeLimits, type LimitsChange } from "./limits.ts";
import { type ListPage, type ListRequest, readPage } from "./list-page.ts";
import { createToken, hashOf, prefixOf } from "./tokens.ts";

/** The longest name of a project or an API key, in characters. */
const MAX_NAME_LENGTH = 100;
/** The longest time that the earlier tokens of a rotated key may still work: 30 days. */
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;

/** In changes, absent fields do not change, and `null` removes a value. */
export interface ProjectInput {
  readonly name?: string | null | undefined;
  readonly isDisabled?: boolean | null | undefined;
  readonly allowsAnonymous?: boolean | null | undefined;
  readonly limits?: LimitsChange | null | undefined;
}

/** In changes, absent fields do not change, and `null` removes a value. */
export interface ApiKeyInput {
  readonly name?: string | null | undefined;
  readonly isDisabled?: boolean | null | undefined;
  readonly limits?: LimitsChange | null | undefined;
  readonly expiresAt?: Date | null | undefined;
}

/** A key with its new token. The token cannot be read again. */
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
  /** Creates an id. @param prefix `proj`, `key` or `log` */
  readonly newId: (prefix: string) => string;
  /** Whether callers need credentials. */
  readonly isKeyed: boolean;
  /** Removes the generations of an end user, and returns how many there were. */
  readonly removeGenerationsOf: (projectId: string, endUser: string) => Promise<number>;
}

/** Reads and changes projects and API keys, and checks that the caller may do so. */
export class ProjectService {
  readonly #options: ProjectServiceOptions;

  constructor(options: ProjectServiceOptions) {
    this.#options = options;
  }

  /** Finds projects, in the order of the ids. `undefined` for each one that the caller may not see. */
  async projects(caller: Caller, ids: readonly string[]): Promise<(Project | undefined)[]> {
    const visible = ids.filter((id) => caller.isAdmin || id === caller.projectId);
    const found = new Map((await this.#options.projects.find(visible)).map((project) => [project.id, project]));
    return ids.map((id) => found.get(id));
  }

  /** Finds API keys, in the order of the ids. `undefined` for each one that the caller may not see. */
  async apiKeys(caller: Caller, ids: readonly string[]): Promise<(ApiKey | undefined)[]> {
    const found = new Map((await this.#options.projects.findApiKeys(ids)).map((key) => [key.id, key]));
    return ids.map((id) => {
      const key = found.get(id);
      return key && (caller.isAdmin || id === caller.apiKeyId || mayListKeys(caller, key.projectId)) ? key : undefined;
    });
  }

  /** Lists all projects. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT */
  listProjects(caller: Caller, request: ListRequest): Promise<ListPage<Project>> {
    this.#requireAdmin(caller);
    return readPage(request, (slice) => this.#options.projects.list(slice));
  }

  /** Lists the API keys of a project. @throws FORBIDDEN, BAD_USER_INPUT */
  listApiKeys(caller: Caller, projectId: string, request: ListRequest): Promise<ListPage<ApiKey>> {
    if (!caller.isAdmin && !mayListKeys(caller, projectId))
      throw forbidden("an end user may not list API keys; call without an end user, or with the admin key");
    return readPage(request, (slice) => this.#options.projects.listApiKeys(projectId, slice));
  }

  /** Lists the audit log. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT */
  listEntries(caller: Caller, request: ListRequest): Promise<ListPage<AuditEntry>> {
    this.#requireAdmin(caller);
    return readPage(request, (slice) => this.#options.projects.listEntries(slice));
  }

  /** Creates a project. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT */
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

  /** Changes a project. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT, NOT_FOUND */
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

  /** Creates an API key with a token. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT, NOT_FOUND */
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

  /** Changes an API key. @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT, NOT_FOUND */
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
   * Gives an API key a new token. The earlier tokens still work for `overlapSeconds`.
   *
   * @throws FORBIDDEN unless the caller is the admin, BAD_USER_INPUT, NOT_FOUND
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
    if (!apiKey) throw badInput("id", "this API key is revoked; create a new one");
    return { apiKey, token };
  }

  /**
   * Revokes an API key with all its tokens, in every process within a second. A revoked key cannot be used again.
   *
   * @throws FORBIDDEN unless the caller is the admin, NOT_FOUND
   */
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
   * Removes the generations and images of an end user of the caller's project, and the end user's name in the ledger.
   * Returns how many generations were removed.
   *
   * @throws FORBIDDEN unless the caller is the admin or an API key, BAD_USER_INPUT
   */
  async deleteEndUserData(caller: Caller, endUser: string): Promise<number> {
    if (caller.apiKeyId === undefined) this.#requireAdmin(caller);
    checkEndUser("endUser", endUser);
    if (caller.endUser !== undefined && caller.endUser !== endUser) {
      throw forbidden("Pictograph-End-User names another end user than endUser; leave the header out");
    }
    const { projects, ledger, removeGenerationsOf } = this.#options;
    const { projectId } = caller;
    const removed = await removeGenerationsOf(projectId, endUser);
    await ledger.forgetEndUser(projectId, endUser);
    // The entry does not have the end user's name, because the name must be forgotten.
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
        : "an open gateway manages no projects and keys; set PICTOGRAPH_ADMIN_KEY and call with that key",
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
    throw badInput("expiresAt", "expiresAt must be in the future; use revokeApiKey to end a key now");
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

/** Whether a caller that is not the admin may list the keys of a project. End users may not. */
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
