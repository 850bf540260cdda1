import type { Kysely, SelectQueryBuilder } from "kysely";
import type {
  ApiKey,
  ApiKeyChanges,
  AuditEntry,
  ListSlice,
  Project,
  ProjectChanges,
  Projects,
  TokenRecord,
  TokenUse,
} from "../../../ports/projects/projects.ts";
import type { Database } from "../database.ts";
import { fieldsOf, flag, fromRow, json, optional, text, time, toColumns, toRow } from "../fields.ts";
import { changeAndLog, toAuditEntry } from "./audit-log.ts";

type ProjectRow = Database["projects"];
type ApiKeyRow = Database["api_keys"];

const PROJECT = fieldsOf<Project, ProjectRow>()({
  id: text("id"),
  name: text("name"),
  isDisabled: flag("is_disabled"),
  allowsAnonymous: flag("allows_anonymous"),
  limits: json("limits"),
  createdAt: time("created_at"),
});

const API_KEY = fieldsOf<ApiKey, ApiKeyRow>()({
  id: text("id"),
  projectId: text("project_id"),
  name: text("name"),
  prefix: text("prefix"),
  isDisabled: flag("is_disabled"),
  limits: json("limits"),
  createdAt: time("created_at"),
  expiresAt: optional(time("expires_at")),
  revokedAt: optional(time("revoked_at")),
  lastUsedAt: optional(time("last_used_at")),
});

/** {@link Projects} in SQL, the same statements on every engine. */
export class SqlProjects implements Projects {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async create(project: Project, entry: AuditEntry): Promise<void> {
    await changeAndLog(this.#database, entry, async (transaction) => {
      await transaction.insertInto("projects").values(toRow(PROJECT, project)).execute();
      return true;
    });
  }

  async update(
    id: string,
    change: (project: Project) => ProjectChanges,
    entry: AuditEntry,
  ): Promise<Project | undefined> {
    const row = await changeAndLog(this.#database, entry, async (transaction) => {
      const project = transaction.updateTable("projects").where("id", "=", id).returningAll();
      // Changes nothing, and locks the row.
      const before = await project.set({ id }).executeTakeFirst();
      if (!before) return undefined;
      return project.set({ id, ...toColumns(PROJECT, change(fromRow(PROJECT, before))) }).executeTakeFirst();
    });
    return row && fromRow(PROJECT, row);
  }

  async find(ids: readonly string[]): Promise<readonly Project[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.selectFrom("projects").selectAll().where("id", "in", ids).execute();
    return rows.map((row) => fromRow(PROJECT, row));
  }

  async list(slice: ListSlice): Promise<readonly Project[]> {
    const rows = await readSlice(this.#database.selectFrom("projects").selectAll(), slice);
    return rows.map((row) => fromRow(PROJECT, row));
  }

  async createApiKey(apiKey: ApiKey, token: TokenRecord, entry: AuditEntry): Promise<boolean> {
    const created = await changeAndLog(this.#database, entry, async (transaction) => {
      const project = await transaction
        .selectFrom("projects")
        .select("id")
        .where("id", "=", apiKey.projectId)
        .executeTakeFirst();
      if (!project) return undefined;
      await transaction.insertInto("api_keys").values(toRow(API_KEY, apiKey)).execute();
      await insertToken(transaction, apiKey.id, token);
      return true;
    });
    return created === true;
  }

  async updateApiKey(
    id: string,
    change: (apiKey: ApiKey) => ApiKeyChanges,
    entry: AuditEntry,
  ): Promise<ApiKey | undefined> {
    const row = await changeAndLog(this.#database, entry, async (transaction) => {
      const apiKey = transaction.updateTable("api_keys").where("id", "=", id).returningAll();
      // Changes nothing, and locks the row.
      const before = await apiKey.set({ id }).executeTakeFirst();
      if (!before) return undefined;
      return apiKey.set({ id, ...toColumns(API_KEY, change(fromRow(API_KEY, before))) }).executeTakeFirst();
    });
    return row && fromRow(API_KEY, row);
  }

  async rotateApiKey(
    id: string,
    token: TokenRecord,
    earlierUntil: Date,
    entry: AuditEntry,
  ): Promise<ApiKey | undefined> {
    const row = await changeAndLog(this.#database, entry, async (transaction) => {
      const rotated = await transaction
        .updateTable("api_keys")
        .set({ prefix: token.prefix })
        .where("id", "=", id)
        .where("revoked_at", "is", null)
        .returningAll()
        .executeTakeFirst();
      if (!rotated) return undefined;
      const until = earlierUntil.getTime();
      await transaction
        .updateTable("api_key_tokens")
        .set({ expires_at: until })
        .where("api_key_id", "=", id)
        .where((row) => row.or([row("expires_at", "is", null), row("expires_at", ">", until)]))
        .execute();
      await insertToken(transaction, id, token);
      return rotated;
    });
    return row && fromRow(API_KEY, row);
  }

  async revokeApiKey(id: string, at: Date, entry: AuditEntry): Promise<ApiKey | undefined> {
    const row = await changeAndLog(this.#database, entry, async (transaction) => {
      const revoked = await transaction
        .updateTable("api_keys")
        .set({ revoked_at: at.getTime() })
        .where("id", "=", id)
        .where("revoked_at", "is", null)
        .returningAll()
        .executeTakeFirst();
      if (revoked) await transaction.deleteFrom("api_key_tokens").where("api_key_id", "=", id).execute();
      return revoked;
    });
    if (row) return fromRow(API_KEY, row);
    const [earlier] = await this.findApiKeys([id]);
    return earlier;
  }

  async findApiKeys(ids: readonly string[]): Promise<readonly ApiKey[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.selectFrom("api_keys").selectAll().where("id", "in", ids).execute();
    return rows.map((row) => fromRow(API_KEY, row));
  }

  async listApiKeys(projectId: string, slice: ListSlice): Promise<readonly ApiKey[]> {
    const keys = this.#database.selectFrom("api_keys").selectAll().where("project_id", "=", projectId);
    return (await readSlice(keys, slice)).map((row) => fromRow(API_KEY, row));
  }

  async findTokens(hashes: readonly string[]): Promise<readonly TokenUse[]> {
    if (hashes.length === 0) return [];
    const tokens = await this.#database.selectFrom("api_key_tokens").selectAll().where("hash", "in", hashes).execute();
    const apiKeys = new Map((await this.findApiKeys(unique(tokens, "api_key_id"))).map((key) => [key.id, key]));
    const projectIds = [...new Set([...apiKeys.values()].map(({ projectId }) => projectId))];
    const projects = new Map((await this.find(projectIds)).map((project) => [project.id, project]));
    return tokens.flatMap(({ hash, api_key_id, expires_at }): TokenUse[] => {
      const apiKey = apiKeys.get(api_key_id);
      const project = apiKey && projects.get(apiKey.projectId);
      if (!apiKey || !project || apiKey.revokedAt) return [];
      return [{ hash, apiKey, project, ...(expires_at !== null && { expiresAt: new Date(Number(expires_at)) }) }];
    });
  }

  async noteUse(apiKeyId: string, at: Date): Promise<void> {
    const usedAt = at.getTime();
    await this.#database
      .updateTable("api_keys")
      .set({ last_used_at: usedAt })
      .where("id", "=", apiKeyId)
      .where((row) => row.or([row("last_used_at", "is", null), row("last_used_at", "<", usedAt)]))
      .execute();
  }

  async hasApiKeys(): Promise<boolean> {
    const found = await this.#database
      .selectFrom("api_keys")
      .select("id")
      .where("revoked_at", "is", null)
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  async addEntry(entry: AuditEntry): Promise<void> {
    await changeAndLog(this.#database, entry, async () => true);
  }

  async listEntries(slice: ListSlice): Promise<readonly AuditEntry[]> {
    const rows = await readSlice(this.#database.selectFrom("audit_log").selectAll(), slice);
    return rows.map(toAuditEntry);
  }
}

async function insertToken(transaction: Kysely<Database>, apiKeyId: string, token: TokenRecord): Promise<void> {
  const { hash, createdAt } = token;
  await transaction
    .insertInto("api_key_tokens")
    .values({ hash, api_key_id: apiKeyId, created_at: createdAt.getTime(), expires_at: null })
    .execute();
}

function unique<Name extends string>(rows: readonly Readonly<Record<Name, string>>[], name: Name): readonly string[] {
  return [...new Set(rows.map((row) => row[name]))];
}

/** Reads part of a table with ids. */
export async function readSlice<Table extends "projects" | "api_keys" | "audit_log" | "webhook_deliveries", Row>(
  table: SelectQueryBuilder<Database, Table, Row>,
  { olderThan, newerThan, from, limit }: ListSlice,
): Promise<Row[]> {
  // Each of these tables has ids; the compiler cannot tell for a table that is any of them.
  let query = table as unknown as SelectQueryBuilder<Database, "projects", Row>;
  if (olderThan !== undefined) query = query.where("id", "<", olderThan);
  if (newerThan !== undefined) query = query.where("id", ">", newerThan);
  const rows = await query
    .orderBy("id", from === "newest" ? "desc" : "asc")
    .limit(limit)
    .execute();
  return from === "newest" ? rows : rows.reverse();
}
