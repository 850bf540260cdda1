import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type {
  ApiKey,
  AuditEntry,
  Limits,
  ListSlice,
  Project,
  Projects,
  TokenRecord,
} from "../../src/ports/projects/projects.ts";

/** An adapter on its own empty storage. */
export interface OpenedProjects {
  readonly projects: Projects;
  close(): Promise<void>;
}

const NOON = new Date("2026-11-30T12:00:00.001Z");
const later = (seconds: number) => new Date(NOON.getTime() + seconds * 1000);
const ALL: ListSlice = { from: "newest", limit: 100 };

const projectOf = (id: string, changes: Partial<Project> = {}): Project => ({
  id,
  name: `Project ${id}`,
  isDisabled: false,
  allowsAnonymous: false,
  limits: {},
  createdAt: NOON,
  ...changes,
});
const apiKeyOf = (id: string, changes: Partial<ApiKey> = {}): ApiKey => ({
  id,
  projectId: "proj_a",
  name: `Key ${id}`,
  prefix: "pgk_abcd",
  isDisabled: false,
  limits: {},
  createdAt: NOON,
  ...changes,
});
const tokenOf = (hash: string, createdAt = NOON): TokenRecord => ({ hash, prefix: `pgk_${hash}`, createdAt });
const entryOf = (id: string, changes: Partial<AuditEntry> = {}): AuditEntry => ({
  id,
  actor: "admin:01234567",
  action: "createProject",
  changes: [],
  createdAt: NOON,
  ...changes,
});
const idsOf = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);

/** What every {@link Projects} promises. */
export function projectsContract(name: string, open: () => Promise<OpenedProjects>): void {
  describe(`${name} as projects`, () => {
    let opened: OpenedProjects;
    let projects: Projects;

    beforeEach(async () => {
      opened = await open();
      ({ projects } = opened);
    });

    afterEach(() => opened.close());

    const entries = async () => idsOf(await projects.listEntries(ALL));
    const hashesOf = async (...hashes: string[]) =>
      (await projects.findTokens(hashes)).map(({ hash, expiresAt }) => [hash, expiresAt]).sort();

    test("begin with the public project, and without API keys", async () => {
      expect(await projects.list(ALL)).toMatchObject([
        { ...projectOf("proj_public", { name: "Public" }), createdAt: expect.any(Date) },
      ]);
      expect(await projects.hasApiKeys()).toBe(false);
      expect(await entries()).toEqual([]);
    });

    test("keep a project exactly, with its entry in the log", async () => {
      const project = projectOf("proj_a", {
        name: "寿司 ' \" \\ %",
        isDisabled: true,
        allowsAnonymous: true,
        limits: {
          budgets: [
            { window: "DAY", limitUsd: "0.000000000001", limitImages: 0 },
            { window: "TOTAL", limitImages: 7 },
          ],
          requestsPerMinute: 1,
          models: [],
          operations: ["EDIT"],
        },
      });
      const entry = entryOf("log_1", { projectId: "proj_a", changes: ["name", "limits"] });
      await projects.create(project, entry);

      expect(await projects.find(["proj_a", "proj_x"])).toStrictEqual([project]);
      expect(await projects.listEntries(ALL)).toStrictEqual([entry]);
    });

    test("refuse a second project with the same id, and log nothing", async () => {
      await projects.create(projectOf("proj_a"), entryOf("log_1"));
      await expect(projects.create(projectOf("proj_a", { name: "b" }), entryOf("log_2"))).rejects.toThrow();

      expect(await entries()).toEqual(["log_1"]);
      expect(await projects.find(["proj_a"])).toStrictEqual([projectOf("proj_a")]);
    });

    test("change the named properties of a project, and leave the others", async () => {
      await projects.create(projectOf("proj_a", { allowsAnonymous: true }), entryOf("log_1"));
      const limits = { imagesPerMinute: 5 };

      const expected = projectOf("proj_a", { name: "b", allowsAnonymous: true, limits });
      expect(await projects.update("proj_a", () => ({ name: "b", limits }), entryOf("log_2"))).toStrictEqual(expected);
      expect(await projects.update("proj_a", () => ({}), entryOf("log_3"))).toStrictEqual(expected);
      expect(await projects.update("proj_x", () => ({ name: "b" }), entryOf("log_4"))).toBeUndefined();
      expect(await projects.find(["proj_a"])).toStrictEqual([expected]);
      expect(await entries()).toEqual(["log_3", "log_2", "log_1"]);
    });

    test("lose none of 20 simultaneous changes, and keep nothing of a change that throws", async () => {
      await projects.create(projectOf("proj_a", { limits: { models: [] } }), entryOf("log_1"));
      await projects.createApiKey(
        apiKeyOf("key_1", { projectId: "proj_a", limits: { models: [] } }),
        tokenOf("1"),
        entryOf("log_2"),
      );
      const names = Array.from({ length: 20 }, (_, i) => `model-${i}`);
      const adding =
        (name: string) =>
        ({ limits }: { readonly limits: Limits }) => ({
          limits: { models: [...(limits.models ?? []), name] },
        });
      await Promise.all(
        names.flatMap((name) => [
          projects.update("proj_a", adding(name), entryOf(`log_p${name}`)),
          projects.updateApiKey("key_1", adding(name), entryOf(`log_k${name}`)),
        ]),
      );
      const refuse = () => {
        throw new Error("refused");
      };
      await expect(projects.update("proj_a", refuse, entryOf("log_x"))).rejects.toThrow("refused");
      await expect(projects.updateApiKey("key_1", refuse, entryOf("log_y"))).rejects.toThrow("refused");

      const [project, apiKey] = [(await projects.find(["proj_a"]))[0], (await projects.findApiKeys(["key_1"]))[0]];
      for (const changed of [project, apiKey]) expect(changed?.limits.models?.toSorted()).toEqual(names.toSorted());
      expect(await entries()).toHaveLength(42);
    });

    test("list projects, keys and entries from either end, between ids", async () => {
      for (const id of ["1", "2", "3", "4"]) {
        await projects.create(projectOf(`proj_${id}`), entryOf(`log_${id}`));
        await projects.createApiKey(
          apiKeyOf(`key_${id}`, { projectId: "proj_public" }),
          tokenOf(id),
          entryOf(`log_k${id}`),
        );
      }
      await projects.createApiKey(apiKeyOf("key_9", { projectId: "proj_1" }), tokenOf("9"), entryOf("log_z"));
      const parts = (prefix: string): [Omit<ListSlice, "from">, string[], string[]][] => [
        [{ limit: 2, olderThan: `${prefix}_4` }, ["3", "2"], ["2", "1"]],
        [{ limit: 9, olderThan: `${prefix}_4`, newerThan: `${prefix}_1` }, ["3", "2"], ["3", "2"]],
      ];
      const lists: [string, (slice: ListSlice) => Promise<readonly { readonly id: string }[]>][] = [
        ["proj", (slice) => projects.list(slice)],
        ["key", (slice) => projects.listApiKeys("proj_public", slice)],
        ["log", (slice) => projects.listEntries(slice)],
      ];
      for (const [prefix, list] of lists) {
        for (const [slice, fromNewest, fromOldest] of parts(prefix)) {
          expect(idsOf(await list({ ...slice, from: "newest" }))).toEqual(fromNewest.map((id) => `${prefix}_${id}`));
          expect(idsOf(await list({ ...slice, from: "oldest" }))).toEqual(fromOldest.map((id) => `${prefix}_${id}`));
        }
      }
      expect(idsOf(await projects.listApiKeys("proj_1", ALL))).toEqual(["key_9"]);
    });

    describe("an API key", () => {
      beforeEach(async () => {
        await projects.create(projectOf("proj_a"), entryOf("log_1"));
        await projects.createApiKey(apiKeyOf("key_1"), tokenOf("t1"), entryOf("log_2"));
      });

      test("is found by the hash of its token, with its project", async () => {
        expect(await projects.findTokens(["t1", "t1", "t2", "T1"])).toStrictEqual([
          { hash: "t1", apiKey: apiKeyOf("key_1"), project: projectOf("proj_a") },
        ]);
        expect(await projects.findApiKeys(["key_1", "key_x"])).toStrictEqual([apiKeyOf("key_1")]);
        expect(await projects.hasApiKeys()).toBe(true);
      });

      test("is kept exactly", async () => {
        const apiKey = apiKeyOf("key_2", {
          name: "寿司 '",
          isDisabled: true,
          limits: { models: ["a"] },
          expiresAt: later(1),
        });
        await projects.createApiKey(apiKey, tokenOf("t2"), entryOf("log_3"));

        expect(await projects.findApiKeys(["key_2"])).toStrictEqual([apiKey]);
      });

      test("needs a project, and a token of its own", async () => {
        const homeless = apiKeyOf("key_2", { projectId: "proj_x" });
        expect(await projects.createApiKey(homeless, tokenOf("t2"), entryOf("log_3"))).toBe(false);
        await expect(projects.createApiKey(apiKeyOf("key_3"), tokenOf("t1"), entryOf("log_4"))).rejects.toThrow();

        expect(idsOf(await projects.findApiKeys(["key_2", "key_3"]))).toEqual([]);
        expect(await entries()).toEqual(["log_2", "log_1"]);
      });

      test("changes its named properties, and loses its expiry when that is removed", async () => {
        const changes = { name: "b", isDisabled: true, limits: { concurrentGenerations: 1 }, expiresAt: later(5) };
        expect(await projects.updateApiKey("key_1", () => changes, entryOf("log_3"))).toStrictEqual(
          apiKeyOf("key_1", changes),
        );
        const { expiresAt: _, ...rest } = changes;
        expect(await projects.updateApiKey("key_1", () => ({ expiresAt: undefined }), entryOf("log_4"))).toStrictEqual(
          apiKeyOf("key_1", rest),
        );
        expect(await projects.updateApiKey("key_x", () => ({ name: "b" }), entryOf("log_5"))).toBeUndefined();
        expect(await entries()).toEqual(["log_4", "log_3", "log_2", "log_1"]);
      });

      test("keeps its earlier tokens until the overlap ends, and never for longer than before", async () => {
        const rotated = await projects.rotateApiKey("key_1", tokenOf("t2"), later(60), entryOf("log_3"));
        expect(rotated).toStrictEqual(apiKeyOf("key_1", { prefix: "pgk_t2" }));
        expect(await hashesOf("t1", "t2")).toEqual([
          ["t1", later(60)],
          ["t2", undefined],
        ]);
        await projects.rotateApiKey("key_1", tokenOf("t3"), later(90), entryOf("log_4"));
        expect(await hashesOf("t1", "t2", "t3")).toEqual([
          ["t1", later(60)],
          ["t2", later(90)],
          ["t3", undefined],
        ]);
        expect(await projects.rotateApiKey("key_x", tokenOf("t4"), later(1), entryOf("log_5"))).toBeUndefined();
        expect(await entries()).toEqual(["log_4", "log_3", "log_2", "log_1"]);
      });

      test("loses all its tokens for good when it is revoked", async () => {
        await projects.rotateApiKey("key_1", tokenOf("t2"), later(60), entryOf("log_3"));
        const revoked = apiKeyOf("key_1", { prefix: "pgk_t2", revokedAt: later(1) });

        expect(await projects.revokeApiKey("key_1", later(1), entryOf("log_4"))).toStrictEqual(revoked);
        expect(await projects.revokeApiKey("key_1", later(2), entryOf("log_5"))).toStrictEqual(revoked);
        expect(await projects.revokeApiKey("key_x", later(2), entryOf("log_6"))).toBeUndefined();
        expect(await projects.rotateApiKey("key_1", tokenOf("t3"), later(1), entryOf("log_7"))).toBeUndefined();
        expect(await hashesOf("t1", "t2", "t3")).toEqual([]);
        expect(await projects.hasApiKeys()).toBe(false);
        expect(idsOf(await projects.listApiKeys("proj_a", ALL))).toEqual(["key_1"]);
        expect(await entries()).toEqual(["log_4", "log_3", "log_2", "log_1"]);
      });

      test("remembers its latest use", async () => {
        for (const seconds of [5, 9, 7]) await projects.noteUse("key_1", later(seconds));
        await projects.noteUse("key_x", later(1));

        expect(await projects.findApiKeys(["key_1"])).toStrictEqual([apiKeyOf("key_1", { lastUsedAt: later(9) })]);
      });
    });

    test("keep entries about other changes", async () => {
      const entry = entryOf("log_1", { actor: "key_1", action: "deleteEndUserData", apiKeyId: "key_1" });
      await projects.addEntry(entry);

      expect(await projects.listEntries(ALL)).toStrictEqual([entry]);
    });
  });
}
