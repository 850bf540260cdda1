import type { Limits, Project, Projects } from "../../ports/projects/projects.ts";
import type { Caller } from "./caller.ts";
import { ShortCache } from "./short-cache.ts";

/** The limits of one project or API key. */
export interface ScopedLimits {
  readonly scope: "PROJECT" | "API_KEY";
  /** `proj_…` or `key_…` */
  readonly id: string;
  readonly limits: Limits;
}

/** Finds the limits that apply to a caller. A change is noticed within a second in every process. */
export class AppliedLimits {
  readonly #projects: Pick<Projects, "find" | "findApiKeys">;
  readonly #byProject = new ShortCache<Project | undefined>();
  readonly #byApiKey = new ShortCache<Limits>();

  constructor(projects: Pick<Projects, "find" | "findApiKeys">) {
    this.#projects = projects;
  }

  /** The limits of the caller's project, then those of its API key if it has one. All of them apply. */
  async of({ projectId, apiKeyId }: Caller): Promise<readonly ScopedLimits[]> {
    const project = { scope: "PROJECT", id: projectId, limits: (await this.project(projectId))?.limits ?? {} } as const;
    if (apiKeyId === undefined) return [project];
    const limits = await this.#byApiKey.get(apiKeyId, async () => {
      const [apiKey] = await this.#projects.findApiKeys([apiKeyId]);
      return apiKey?.limits ?? {};
    });
    return [project, { scope: "API_KEY", id: apiKeyId, limits }];
  }

  /** The project with this id; `undefined` when there is none. */
  project(id: string): Promise<Project | undefined> {
    return this.#byProject.get(id, async () => {
      const [project] = await this.#projects.find([id]);
      return project;
    });
  }

  /** Clears the cache, because something was changed in this process. */
  forget(): void {
    this.#byProject.clear();
    this.#byApiKey.clear();
  }
}
