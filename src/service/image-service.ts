import { GatewayError } from "../errors.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { Events } from "../ports/events.ts";
import type { ModelDescription } from "../ports/image-provider.ts";
import type { OpenObject } from "../ports/object-store.ts";
import type {
  Generation,
  GenerationSlice,
  GenerationStatus,
  Image,
  Owner,
  Preview,
  Warning,
} from "../ports/records.ts";
import type { EditInput } from "./edits/edit-input.ts";
import { Acceptance, type AcceptanceOptions } from "./generations/acceptance.ts";
import { EndWaits } from "./generations/end-waits.ts";
import { CANCELED_WHILE_RUNNING } from "./generations/generation-end.ts";
import { checkWholeNumber, type GenerationInput } from "./generations/generation-input.ts";
import { planGeneration } from "./generations/generation-plan.ts";
import type { GenerationEvent, GenerationWatch } from "./generations/generation-watch.ts";
import type { Maintenance } from "./generations/maintenance.ts";
import type { Runner } from "./generations/runner.ts";
import type { Delivery, ImageDelivery } from "./images/image-delivery.ts";
import type { ImageLinks, LinkOptions } from "./images/image-links.ts";
import type { Placeholders } from "./images/placeholders.ts";
import { type Quote, quoteOf } from "./models/quote.ts";
import { type Caller, mayAccess, scopeOf } from "./projects/caller.ts";

/** Which part of a caller's generations to list, newest first. Ids stand for the generations beside the part. */
export interface PageRequest {
  /** How many from the newest end, 0–100; `first` 20 when neither is given. */
  readonly first?: number | undefined;
  readonly after?: string | undefined;
  /** How many from the oldest end, 0–100; with `first`, of what that leaves. */
  readonly last?: number | undefined;
  readonly before?: string | undefined;
  readonly status?: GenerationStatus | undefined;
}

export interface Page {
  /** Newest first. */
  readonly generations: readonly Generation[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

export interface ImageServiceOptions extends AcceptanceOptions {
  readonly events: Events;
  readonly links: ImageLinks;
  readonly delivery: ImageDelivery;
  readonly placeholders: Placeholders;
  readonly runner: Runner;
  readonly maintenance: Maintenance;
  readonly watch: GenerationWatch;
  readonly lifecycle: Lifecycle;
  /** Whether this process runs generations; otherwise it leaves them to others on the same queue. */
  readonly isWorker: boolean;
}

/** How many generations a page has when nobody says. */
export const DEFAULT_PAGE_SIZE = 20;
/** The most generations of one page. */
export const MAX_PAGE_SIZE = 100;

/** The one image service behind every API. Clients may disconnect; what was accepted here continues. */
export class ImageService {
  readonly #options: ImageServiceOptions;
  readonly #acceptance: Acceptance;
  readonly #waits: EndWaits;

  constructor(options: ImageServiceOptions) {
    const { records, events, lifecycle } = options;
    this.#options = options;
    this.#acceptance = new Acceptance(options);
    this.#waits = new EndWaits(records, events, lifecycle.releasing);
    lifecycle.on("draining", () => this.#drain());
    lifecycle.on("released", () => this.#tidy());
  }

  /** Takes up what an earlier process left, and begins to run generations unless that is left to others. */
  async start(): Promise<void> {
    const { queue, maintenance, runner, isWorker } = this.#options;
    await maintenance.start();
    if (isWorker) await queue.start((id) => runner.run(id));
  }

  /**
   * Accepts a generation: once this resolves it is on disk and will be carried out. The same idempotency key with the
   * same input gives the same generation.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, IDEMPOTENCY_CONFLICT, OVERLOADED
   */
  async submit(caller: Caller, input: GenerationInput): Promise<Generation> {
    this.#options.lifecycle.refuseWhileStopping();
    return this.#acceptance.submit(caller, input);
  }

  /**
   * Accepts a change of images, as {@link submit} accepts a generation. Its images are read, checked and stored before;
   * when this throws, nothing of them is left. Of a repetition under the same key nothing but uploads is read: the
   * images are the same when they are called the same.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, NOT_FOUND, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE,
   *   IDEMPOTENCY_CONFLICT, OVERLOADED, and whatever the bytes of an upload throw
   */
  async submitEdit(caller: Caller, input: EditInput): Promise<Generation> {
    this.#options.lifecycle.refuseWhileStopping();
    return this.#acceptance.submitEdit(caller, input);
  }

  /**
   * Stops a generation: one that waits is never submitted, one in the provider's hands is cut off, billed or not. One
   * that has ended stays as it is.
   *
   * @throws NOT_FOUND when the caller has no such generation
   */
  async cancel(caller: Caller, id: string): Promise<Generation> {
    const { records, events, edits, now } = this.#options;
    const { edit, status } = await this.#own(caller, id);
    if (await records.cancel(id, CANCELED_WHILE_RUNNING, now())) events.publish({ generationId: id });
    // Of one that runs, they are its runner's to remove.
    if (edit && status === "QUEUED") await edits.discard(edit);
    return this.#own(caller, id);
  }

  /**
   * Removes a generation with all its bytes. One that has not ended is canceled first.
   *
   * @throws NOT_FOUND when the caller has no such generation
   */
  async delete(caller: Caller, id: string): Promise<void> {
    await this.cancel(caller, id);
    const { maintenance, delivery, events } = this.#options;
    await maintenance.remove(id).finally(() => delivery.forget(id));
    events.publish({ generationId: id });
  }

  /** Removes everything of an end user with all its bytes, and answers how many generations that were. */
  async deleteAllOf(projectId: string, endUser: string): Promise<number> {
    const caller = { projectId, endUser };
    for (let count = 0; ; ) {
      const { generations } = await this.page(caller, { first: MAX_PAGE_SIZE });
      if (generations.length === 0) return count;
      for (const { id } of generations) {
        // Somebody else may have removed it meanwhile.
        await this.delete(caller, id).then(() => count++, ignoreNotFound);
      }
    }
  }

  async #own(caller: Caller, id: string): Promise<Generation> {
    const [generation] = await this.generations(caller, [id]);
    if (!generation) throw new GatewayError("NOT_FOUND", "you have no such generation", { field: "id" });
    return generation;
  }

  /**
   * The generation once it has ended, or as it stands when the time is over or the gateway stops. Neither changes
   * anything for the generation.
   *
   * @param timeoutMs milliseconds; 0 answers at once
   * @throws OVERLOADED while its end cannot be recorded
   */
  wait(generation: Generation, timeoutMs: number): Promise<Generation> {
    return this.#waits.wait(generation, timeoutMs);
  }

  /**
   * What happens to a generation: its state as it is now with the images there are, then each change of status, each
   * preview and each image, and last how it ended; of one that has ended already the state comes first too. Ends also
   * when the generation is deleted, and once everyone is released who waits.
   *
   * Nothing comes twice. A viewer who is slow misses nothing, and who comes again begins with the present state.
   *
   * @param signal ends it
   * @throws NOT_FOUND when the caller has no such generation
   */
  async watch(
    caller: Caller,
    id: string,
    signal?: AbortSignal,
  ): Promise<AsyncIterableIterator<GenerationEvent, undefined>> {
    await this.#own(caller, id);
    return this.#options.watch.watch(id, signal);
  }

  /** How many {@link watch} now. */
  get watching(): number {
    return this.#options.watch.count;
  }

  /** The caller's generations with these ids, each in its place; `undefined` for those that are not the caller's. */
  async generations(caller: Caller, ids: readonly string[]): Promise<(Generation | undefined)[]> {
    return inPlace(ids, caller, await this.#options.records.findGenerations(ids));
  }

  /** The caller's images with these ids, each in its place; `undefined` for those that are not the caller's. */
  async images(caller: Caller, ids: readonly string[]): Promise<(Image | undefined)[]> {
    return inPlace(ids, caller, await this.#options.records.findImages(ids));
  }

  /** The images of each of these generations, by index. */
  async imagesOf(generationIds: readonly string[]): Promise<Image[][]> {
    const images = await this.#options.records.findImagesOf(generationIds);
    const byGeneration = Map.groupBy(images, (image) => image.generationId);
    return generationIds.map((id) => byGeneration.get(id) ?? []);
  }

  /** A `data:` URI under 1 KB to show while the image loads. @throws NOT_FOUND when the image was deleted meanwhile */
  placeholderOf(image: Image): Promise<string> {
    return this.#options.placeholders.of(image);
  }

  /**
   * A slice of the caller's generations, by the algorithm of the Relay specification: of the range between the cursors
   * first `first`, and of those then `last`.
   *
   * @see https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
   * @throws BAD_USER_INPUT naming `first` or `last`
   */
  async page(caller: Caller, { first, last, after, before, status }: PageRequest): Promise<Page> {
    if (last !== undefined) checkWholeNumber("last", last, 0, MAX_PAGE_SIZE);
    const isFromNewest = first !== undefined || last === undefined;
    const size = checkWholeNumber("first", first ?? last ?? DEFAULT_PAGE_SIZE, 0, MAX_PAGE_SIZE);
    const [found, hasAtAfter, hasAtBefore] = await Promise.all([
      this.#options.records.listGenerations({
        ...scopeOf(caller),
        ...(status && { status }),
        from: isFromNewest ? "newest" : "oldest",
        limit: size + 1,
        ...(after !== undefined && { olderThan: after }),
        ...(before !== undefined && { newerThan: before }),
      }),
      last === undefined && after !== undefined && this.#reaches(caller, status, after, { newerThan: after }),
      !isFromNewest && before !== undefined && this.#reaches(caller, status, before, { olderThan: before }),
    ]);
    const isCut = found.length > size;
    if (!isFromNewest) {
      return { generations: isCut ? found.slice(1) : found, hasNextPage: hasAtBefore, hasPreviousPage: isCut };
    }
    const generations = found.slice(0, size);
    if (last === undefined) return { generations, hasNextPage: isCut, hasPreviousPage: hasAtAfter };
    const start = Math.max(0, generations.length - last);
    return { generations: generations.slice(start), hasNextPage: isCut, hasPreviousPage: start > 0 };
  }

  /** Whether a list has anything at a cursor or beyond it: what was there may be gone, or not be of the list any more. */
  async #reaches(
    caller: Caller,
    status: GenerationStatus | undefined,
    cursor: string,
    beyond: Pick<GenerationSlice, "newerThan" | "olderThan">,
  ): Promise<boolean> {
    const { records } = this.#options;
    const list = { ...scopeOf(caller), ...(status && { status }) };
    const [next] = await records.listGenerations({ ...list, ...beyond, from: "newest", limit: 1 });
    if (next) return true;
    const [there] = await records.findGenerations([cursor]);
    return there !== undefined && mayAccess(caller, there) && (status === undefined || there.status === status);
  }

  /**
   * What this input would cost; nothing is accepted, and nothing spent.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE
   */
  quote(input: GenerationInput): Quote {
    const { catalogue, now } = this.#options;
    return quoteOf(planGeneration(input, catalogue), now());
  }

  /** Every model that can be asked for today, and which one is used when none is named. */
  get models(): { readonly living: readonly ModelDescription[]; readonly defaultId: string } {
    const { catalogue } = this.#options;
    return { living: catalogue.living, defaultId: catalogue.defaultModel };
  }

  /** What is to be said of a model: that it is about to end. */
  modelWarnings(model: ModelDescription): readonly Warning[] {
    return this.#options.catalogue.warningsOf(model);
  }

  /** When the model that is used ends, if that is no more than 30 days away. */
  sunsetOf({ model }: Pick<Generation, "model">): Date | undefined {
    const description = this.model(model);
    return description && this.#options.catalogue.sunsetOf(description);
  }

  /** A model by its name, retired ones included. */
  model(id: string): ModelDescription | undefined {
    return this.#options.catalogue.find(id)?.description;
  }

  /**
   * A signed URL's path and query, from the gateway's root.
   *
   * @throws BAD_USER_INPUT naming the option that is out of range
   */
  link(image: Image, options?: LinkOptions): string {
    return this.#options.links.sign(image, options);
  }

  /** The same for a preview, which can be loaded until a while after its generation's end. */
  previewLink(generation: Generation, preview: Preview): string {
    return this.#options.links.signPreview(generation.id, preview);
  }

  /** A preview's bytes, a WebP; `undefined` when it is not shown any more. */
  readPreview(generation: Generation, preview: Preview): Promise<OpenObject | undefined> {
    return this.#options.delivery.readPreview(generation.id, preview);
  }

  /** An image's bytes, as they are delivered. */
  read(image: Image): Promise<OpenObject> {
    return this.#options.delivery.read(image);
  }

  /**
   * What a signed URL stands for.
   *
   * @param url path and query exactly as they were received
   * @param network where the viewer is; viewers of different networks take turns
   * @throws FORBIDDEN, NOT_FOUND, OVERLOADED, UPSTREAM_FAILED
   */
  open(url: string, network?: string): Promise<Delivery> {
    return this.#options.delivery.open(url, network);
  }

  /** Lets what runs finish, or interrupts it when the grace is over. What is queued stays queued on disk. */
  async #drain(): Promise<void> {
    const { queue, runner, maintenance, watch, lifecycle } = this.#options;
    lifecycle.graceOver.addEventListener("abort", () => runner.interrupt());
    runner.drain();
    // Both at once: an interrupted generation makes room, and nothing that waits may take it.
    await Promise.all([queue.drain(), maintenance.stop()]);
    await this.#waits.untilNoneRuns(lifecycle.graceOver);
    await watch.settle();
  }

  /** Lets those go who watch, and removes what is of no use without a generation that runs. */
  async #tidy(): Promise<void> {
    const { runner, watch, delivery } = this.#options;
    watch.close();
    await runner.tidy();
    await delivery.close();
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof GatewayError && error.code === "NOT_FOUND")) throw error;
}

function inPlace<Owned extends Owner & { readonly id: string }>(
  ids: readonly string[],
  caller: Caller,
  found: readonly Owned[],
): (Owned | undefined)[] {
  const own = new Map(found.filter((one) => mayAccess(caller, one)).map((one) => [one.id, one]));
  return ids.map((id) => own.get(id));
}
