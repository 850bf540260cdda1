import { badInput, GatewayError } from "../errors.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { History, ImagePlace } from "../ports/history.ts";
import type { ModelDescription, ModelPrice } from "../ports/image-provider.ts";
import type { OpenObject } from "../ports/object-store.ts";
import type { Generation, GenerationOrder, Image, Owner, Preview, Warning } from "../ports/records.ts";
import { checkEdit, draftEdit, type EditInput, planEditUnread } from "./edits/edit-input.ts";
import { Acceptance, type AcceptanceOptions, type OnRates, permitted } from "./generations/acceptance.ts";
import { logRecordedEnds } from "./generations/end-log.ts";
import { checkInput, type GenerationInput } from "./generations/generation-input.ts";
import { planGeneration } from "./generations/generation-plan.ts";
import { HistoryPages, MAX_PAGE_SIZE, type PageRequest } from "./generations/history/history-pages.ts";
import type { Maintenance } from "./generations/maintenance.ts";
import { CANCELED_WHILE_RUNNING } from "./generations/running/generation-end.ts";
import { prepareStart } from "./generations/running/immediate-start.ts";
import type { Runner } from "./generations/running/runner.ts";
import { EndWaits } from "./generations/watching/end-waits.ts";
import type { GenerationFeed } from "./generations/watching/generation-feed.ts";
import type { GenerationEvent } from "./generations/watching/generation-progress.ts";
import type { GenerationWatch } from "./generations/watching/generation-watch.ts";
import type { Delivery, ImageDelivery } from "./images/image-delivery.ts";
import type { ImageLinks, LinkOptions } from "./images/image-links.ts";
import type { Placeholders } from "./images/placeholders.ts";
import { priceAt } from "./models/cost.ts";
import { type Quote, quoteOf } from "./models/quote.ts";
import { type Caller, mayAccess } from "./projects/caller.ts";
import type { ListPage } from "./projects/list-page.ts";
import { allowsModel } from "./projects/permissions.ts";

export interface ImageServiceOptions extends Omit<AcceptanceOptions, "expect" | "prepare"> {
  readonly history: History;
  readonly links: ImageLinks;
  readonly delivery: ImageDelivery;
  readonly placeholders: Placeholders;
  readonly runner: Runner;
  readonly maintenance: Maintenance;
  readonly watch: GenerationWatch;
  readonly feed: GenerationFeed;
  readonly lifecycle: Lifecycle;
  /** Whether this process runs generations; otherwise other processes on the same queue run them. */
  readonly isWorker: boolean;
}

/** The most generations that one request deletes: a page of them. */
export const MAX_DELETED = MAX_PAGE_SIZE;

/**
 * The one image service behind every API. An accepted generation continues when its client disconnects.
 *
 * Longer than other files because it is the whole service as callers see it, and half of it says what each method
 * promises.
 */
export class ImageService {
  readonly #options: ImageServiceOptions;
  readonly #acceptance: Acceptance;
  readonly #waits: EndWaits;
  readonly #pages: HistoryPages;

  constructor(options: ImageServiceOptions) {
    const { records, history, events, queue, runner, lifecycle, isWorker } = options;
    this.#options = options;
    this.#pages = new HistoryPages(history);
    this.#waits = new EndWaits(records, events, lifecycle.releasing);
    const expect = (generation: Generation) => {
      if (generation.status === "QUEUED") runner.expect(generation);
      this.#waits.expect(generation);
    };
    const prepare = (order: GenerationOrder) => (isWorker ? prepareStart(queue, runner, order) : undefined);
    this.#acceptance = new Acceptance({ ...options, expect, prepare });
    lifecycle.on("draining", () => this.#drain());
    lifecycle.on("released", () => this.#tidy());
  }

  /** Recovers generations that an earlier process left, and begins to run generations if this process is a worker. */
  async start(): Promise<void> {
    const { queue, maintenance, runner, isWorker } = this.#options;
    await maintenance.start();
    if (isWorker) await queue.start((id) => runner.run(id));
  }

  /**
   * Accepts a generation. Once this resolves, the generation is stored and will be carried out. The same idempotency
   * key with the same input returns the same generation.
   *
   * @param onRates called once with what is left of the rate limits, if any limit was counted
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, FORBIDDEN, RATE_LIMITED, IDEMPOTENCY_CONFLICT, OVERLOADED
   */
  async submit(caller: Caller, input: GenerationInput, onRates?: OnRates): Promise<Generation> {
    this.#options.lifecycle.refuseWhileStopping();
    return this.#acceptance.submit(caller, input, onRates);
  }

  /**
   * Accepts an edit, as {@link submit} accepts a generation. Its images are read, checked and stored first; if this
   * throws, none of them remains stored. A retry with the same key reads only uploads: other images count as the same
   * when their ids or addresses are the same.
   *
   * @param onRates called once with what is left of the rate limits, if any limit was counted
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, FORBIDDEN, NOT_FOUND, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE,
   *   RATE_LIMITED, IDEMPOTENCY_CONFLICT, OVERLOADED, and any error from reading an upload
   */
  async submitEdit(caller: Caller, input: EditInput, onRates?: OnRates): Promise<Generation> {
    this.#options.lifecycle.refuseWhileStopping();
    return this.#acceptance.submitEdit(caller, input, onRates);
  }

  /**
   * Cancels a generation. A queued one is never sent to a provider. A running call is cut off, and may still be billed.
   * A generation that has ended does not change.
   *
   * @throws NOT_FOUND when the caller has no such generation
   */
  async cancel(caller: Caller, id: string): Promise<Generation> {
    const { records, events, edits, logger, now } = this.#options;
    const generation = await this.#own(caller, id);
    const { edit, status } = generation;
    if (await records.cancel(id, CANCELED_WHILE_RUNNING, now())) {
      events.publish({ generationId: id });
      this.#countCanceled(generation);
      await logRecordedEnds({ records, logger }, [id]);
    }
    // The images of a running edit are removed by its runner.
    if (edit && status === "QUEUED") await edits.discard(edit);
    return this.#own(caller, id);
  }

  /** Counts a generation that was canceled. What a running call may cost is recorded, and not counted. */
  #countCanceled({ model, edit }: Generation): void {
    const { catalogue, metrics } = this.#options;
    metrics.generationEnded({
      model,
      provider: catalogue.find(model)?.provider.name,
      operation: edit ? "EDIT" : "GENERATE",
      outcome: "CANCELED",
      costUsd: undefined,
      unpricedImages: 0,
    });
  }

  /**
   * Deletes a generation with all its bytes. A generation that has not ended is canceled first.
   *
   * @throws NOT_FOUND when the caller has no such generation
   */
  async delete(caller: Caller, id: string): Promise<void> {
    await this.cancel(caller, id);
    const { maintenance, delivery, events } = this.#options;
    await maintenance.remove(id).finally(() => delivery.forget(id));
    events.publish({ generationId: id });
  }

  /**
   * Deletes generations with all their bytes, and returns the ids of those that the caller had.
   *
   * @throws BAD_USER_INPUT when there are too many
   */
  async deleteAll(caller: Caller, ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length > MAX_DELETED) throw badInput("ids", `delete at most ${MAX_DELETED} generations at once`);
    const deleted: string[] = [];
    for (const id of new Set(ids)) {
      // Another request may have deleted it in the meantime.
      await this.delete(caller, id).then(() => deleted.push(id), ignoreNotFound);
    }
    return deleted;
  }

  /**
   * Deletes an image with all its bytes. Its generation stays.
   *
   * @throws NOT_FOUND when the caller has no such image
   */
  async deleteImage(caller: Caller, id: string): Promise<void> {
    const { generationId } = await this.#ownImage(caller, id, "id");
    const { maintenance, delivery } = this.#options;
    await maintenance.removeImage(generationId, id).finally(() => delivery.forget(generationId));
  }

  /** Deletes all generations of an end user with all their bytes, and returns how many there were. */
  async deleteAllOf(projectId: string, endUser: string): Promise<number> {
    const caller = { projectId, endUser };
    for (let count = 0; ; ) {
      const { items } = await this.page(caller, { first: MAX_PAGE_SIZE });
      if (items.length === 0) return count;
      for (const { id } of items) {
        // Another request may have deleted it in the meantime.
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
   * Waits until the generation has ended, the timeout is over or the gateway stops, and returns the generation's state
   * at that moment. Neither the timeout nor the stop ends the generation.
   *
   * @param timeoutMs milliseconds; 0 returns at once
   * @throws OVERLOADED while the generation's end cannot be recorded
   */
  wait(generation: Generation, timeoutMs: number): Promise<Generation> {
    return this.#waits.wait(generation, timeoutMs);
  }

  /**
   * Streams the events of a generation. The first event is its current state with the images so far, even if it has
   * ended already. Then come each change of status, each preview and each image, and last its end. The stream also ends
   * when the generation is deleted, and when a stopping gateway releases its waiting clients.
   *
   * No event comes twice, and a slow viewer misses none. A viewer who reconnects starts with the current state.
   *
   * @param signal ends the stream
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

  /**
   * Streams the events of all generations that the caller may see, from now on: of each accepted generation each change
   * of status, each preview and each image. It ends when a stopping gateway releases its waiting clients, and for a
   * viewer that is thousands of events behind.
   *
   * @param signal ends the stream
   */
  watchAll(caller: Caller, signal?: AbortSignal): Promise<AsyncIterableIterator<GenerationEvent, undefined>> {
    return this.#options.feed.follow(caller, signal);
  }

  /** The number of open {@link watch} and {@link watchAll} streams. */
  get watching(): number {
    const { watch, feed } = this.#options;
    return watch.count + feed.count;
  }

  /** The generations with these ids, in the same order; `undefined` for each one that the caller does not have. */
  async generations(caller: Caller, ids: readonly string[]): Promise<(Generation | undefined)[]> {
    return inPlace(ids, caller, await this.#options.records.findGenerations(ids));
  }

  /** The images with these ids, in the same order; `undefined` for each one that the caller does not have. */
  async images(caller: Caller, ids: readonly string[]): Promise<(Image | undefined)[]> {
    return inPlace(ids, caller, await this.#options.records.findImages(ids));
  }

  /** The images of a generation that {@link wait} returned, by index. Reads them only if that is needed. */
  async imagesOfEnded(generation: Generation): Promise<readonly Image[]> {
    const known = this.knownImagesOf(generation);
    if (known) return known;
    const [images = []] = await this.imagesOf([generation.id]);
    return images;
  }

  /** The images of a generation that {@link wait} returned, by index; `undefined` if they have to be read. */
  knownImagesOf(generation: Generation): readonly Image[] | undefined {
    return this.#waits.imagesOf(generation);
  }

  /** The images of each of these generations, by index. */
  async imagesOf(generationIds: readonly string[]): Promise<Image[][]> {
    const images = await this.#options.records.findImagesOf(generationIds);
    const byGeneration = Map.groupBy(images, (image) => image.generationId);
    return generationIds.map((id) => byGeneration.get(id) ?? []);
  }

  /** A `data:` URI under 1 KB to show while the image loads. @throws NOT_FOUND when the image was deleted */
  placeholderOf(image: Image): Promise<string> {
    return this.#options.placeholders.of(image);
  }

  /** A page of the caller's generations, newest first. @throws BAD_USER_INPUT naming what is out of range */
  page(caller: Caller, request: PageRequest): Promise<ListPage<Generation>> {
    return this.#pages.generations(caller, request);
  }

  /**
   * A page of the images of the caller's generations: those of the newest generation first, and those of one generation
   * by their index.
   *
   * @throws BAD_USER_INPUT naming what is out of range
   */
  imagePage(caller: Caller, request: PageRequest<ImagePlace>): Promise<ListPage<Image>> {
    return this.#pages.images(caller, request);
  }

  /** The length of the list that {@link page} shows, exact up to 10,000; 10,001 stands for all larger numbers. */
  countGenerations(caller: Caller, list: Pick<PageRequest, "status" | "filter">): Promise<number> {
    return this.#pages.countGenerations(caller, list);
  }

  /** The length of the list that {@link imagePage} shows, exact up to 10,000; 10,001 stands for all larger numbers. */
  countImages(caller: Caller, list: Pick<PageRequest, "status" | "filter">): Promise<number> {
    return this.#pages.countImages(caller, list);
  }

  /** Marks an image as a favorite, or takes the mark away. @throws NOT_FOUND when the caller has no such image */
  async setFavorite(caller: Caller, imageId: string, isFavorite: boolean): Promise<Image> {
    await this.#ownImage(caller, imageId, "imageId");
    await this.#options.records.setFavorite(imageId, isFavorite);
    return this.#ownImage(caller, imageId, "imageId");
  }

  async #ownImage(caller: Caller, id: string, field: string): Promise<Image> {
    const [image] = await this.images(caller, [id]);
    if (!image) throw new GatewayError("NOT_FOUND", "you have no such image", { field });
    return image;
  }

  /**
   * Estimates the cost of a generation. It accepts nothing and spends nothing.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, FORBIDDEN
   */
  async quote(caller: Caller, input: GenerationInput): Promise<Quote> {
    const { catalogue, limits, now } = this.#options;
    const applied = await limits.of(caller);
    const plan = planGeneration(checkInput(input), catalogue, (draft) =>
      permitted(draft, "GENERATE", applied, catalogue),
    );
    return quoteOf(plan, now());
  }

  /**
   * Estimates the cost of an edit, as {@link quote} does. It reads no file: without a `size`, the first image must be a
   * stored one of the caller.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, FORBIDDEN, NOT_FOUND
   */
  async quoteEdit(caller: Caller, input: EditInput): Promise<Quote> {
    const { catalogue, edits, limits, now } = this.#options;
    const applied = await limits.of(caller);
    const draft = permitted(draftEdit(checkEdit(input), input, catalogue), "EDIT", applied, catalogue);
    return quoteOf(planEditUnread(draft, input, await edits.sizesOf(caller, input)), now());
  }

  /** Every model that can be requested today, and the default model. */
  get models(): { readonly living: readonly ModelDescription[]; readonly defaultId: string } {
    const { catalogue } = this.#options;
    return { living: catalogue.living, defaultId: catalogue.defaultModel };
  }

  /** The models that the limits of the caller's project and API key allow, of those that can be requested today. */
  async modelsFor(caller: Caller): Promise<readonly ModelDescription[]> {
    const { catalogue, limits } = this.#options;
    const applied = await limits.of(caller);
    return catalogue.living.filter(({ id }) => allowsModel(applied, id, (name) => catalogue.modelsOf(name)));
  }

  /**
   * A model by its name, if the limits of the caller's project and API key allow it. A retired model is allowed if the
   * model that replaces it is.
   */
  async modelFor(caller: Caller, id: string): Promise<ModelDescription | undefined> {
    const { catalogue, limits } = this.#options;
    const model = this.model(id);
    if (!model) return undefined;
    const modelsOf = (name: string) => catalogue.modelsOf(name);
    const applied = await limits.of(caller);
    return [id, ...modelsOf(id)].some((each) => allowsModel(applied, each, modelsOf)) ? model : undefined;
  }

  /** The price of a model today; `undefined` if it is not known. */
  priceOf(model: ModelDescription): ModelPrice | undefined {
    return priceAt(model, this.#options.now());
  }

  /** The warnings about a model that is about to shut down. */
  modelWarnings(model: ModelDescription): readonly Warning[] {
    return this.#options.catalogue.warningsOf(model);
  }

  /** The day on which the generation's model shuts down, if that is at most 30 days away. */
  sunsetOf({ model }: Pick<Generation, "model">): Date | undefined {
    const description = this.model(model);
    return description && this.#options.catalogue.sunsetOf(description);
  }

  /** A model by its name, retired ones included. */
  model(id: string): ModelDescription | undefined {
    return this.#options.catalogue.find(id)?.description;
  }

  /**
   * Signs a URL of an image, and returns its path and query, relative to the gateway's root.
   *
   * @throws BAD_USER_INPUT naming the option that is out of range
   */
  link(image: Image, options?: LinkOptions): string {
    return this.#options.links.sign(image, options);
  }

  /** Signs a URL of a preview. The preview can be loaded until a short time after its generation has ended. */
  previewLink(generation: Generation, preview: Preview): string {
    return this.#options.links.signPreview(generation.id, preview);
  }

  /** Opens a preview, a WebP; `undefined` when it is not shown any more. */
  readPreview(generation: Generation, preview: Preview): Promise<OpenObject | undefined> {
    return this.#options.delivery.readPreview(generation.id, preview);
  }

  /** Opens an image as it is delivered. */
  read(image: Image): Promise<OpenObject> {
    return this.#options.delivery.read(image);
  }

  /**
   * Opens the image or preview that a signed URL names.
   *
   * @param url path and query exactly as they were received
   * @param network the viewer's network; viewers of different networks take turns
   * @throws FORBIDDEN, NOT_FOUND, OVERLOADED, UPSTREAM_FAILED
   */
  open(url: string, network?: string): Promise<Delivery> {
    return this.#options.delivery.open(url, network);
  }

  /**
   * Waits for running generations, and interrupts them when the grace period is over. Queued ones stay queued on disk.
   */
  async #drain(): Promise<void> {
    const { queue, runner, maintenance, watch, feed, lifecycle } = this.#options;
    lifecycle.graceOver.addEventListener("abort", () => runner.interrupt());
    const waiting = runner.drain();
    // Start both at once: when an interrupted generation ends, no queued generation may take its place.
    const drained = Promise.all([queue.drain(), maintenance.stop()]);
    // Other processes get what waited here. If the queue is away, their maintenance finds it.
    await Promise.all(waiting.map((id) => queue.enqueue(id).catch(() => {})));
    await drained;
    await runner.idle();
    await this.#waits.untilNoneRuns(lifecycle.graceOver);
    await Promise.all([watch.settle(), feed.settle()]);
  }

  /** Closes all event streams and removes the previews, once no generation runs. */
  async #tidy(): Promise<void> {
    const { runner, watch, feed, delivery } = this.#options;
    watch.close();
    feed.close();
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
