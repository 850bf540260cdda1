import DataLoader from "dataloader";
import type { ScopeSpending } from "../../ports/projects/ledger.ts";
import type { ApiKey, Project } from "../../ports/projects/projects.ts";
import type { Generation, Image } from "../../ports/records.ts";
import type { ImageService } from "../../service/image-service.ts";
import type { Caller } from "../../service/projects/caller.ts";
import type { LedgerService } from "../../service/projects/ledger-service.ts";
import type { ProjectService } from "../../service/projects/project-service.ts";

/** The services that loaders read from. */
export interface LoaderSources {
  readonly images: ImageService;
  readonly projects: ProjectService;
  readonly ledger: LedgerService;
}

/**
 * Loaders for everything that is read by id. They combine the reads of one operation into one store query. Each is made
 * when it is first used, because most operations need none or one of them.
 */
export class Loaders {
  readonly #sources: LoaderSources;
  readonly #caller: Caller;
  #generation: DataLoader<string, Generation | undefined> | undefined;
  #image: DataLoader<string, Image | undefined> | undefined;
  #imagesOf: DataLoader<string, readonly Image[]> | undefined;
  #project: DataLoader<string, Project | undefined> | undefined;
  #apiKey: DataLoader<string, ApiKey | undefined> | undefined;
  #spending: DataLoader<string, ScopeSpending> | undefined;

  constructor(sources: LoaderSources, caller: Caller) {
    this.#sources = sources;
    this.#caller = caller;
  }

  get generation(): DataLoader<string, Generation | undefined> {
    this.#generation ??= new DataLoader((ids) => this.#sources.images.generations(this.#caller, ids));
    return this.#generation;
  }

  get image(): DataLoader<string, Image | undefined> {
    this.#image ??= new DataLoader((ids) => this.#sources.images.images(this.#caller, ids));
    return this.#image;
  }

  /** The images of a generation by its id. */
  get imagesOf(): DataLoader<string, readonly Image[]> {
    this.#imagesOf ??= new DataLoader((ids) => this.#sources.images.imagesOf(ids));
    return this.#imagesOf;
  }

  get project(): DataLoader<string, Project | undefined> {
    this.#project ??= new DataLoader((ids) => this.#sources.projects.projects(this.#caller, ids));
    return this.#project;
  }

  get apiKey(): DataLoader<string, ApiKey | undefined> {
    this.#apiKey ??= new DataLoader((ids) => this.#sources.projects.apiKeys(this.#caller, ids));
    return this.#apiKey;
  }

  /** What a project or an API key, by its id, has spent. */
  get spending(): DataLoader<string, ScopeSpending> {
    this.#spending ??= new DataLoader((scopeIds) => this.#sources.ledger.spendingOf(scopeIds));
    return this.#spending;
  }
}
