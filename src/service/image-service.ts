// Above 400 lines: the one surface of the service, each method short; what has depth is in the modules it calls.
import type { Logger } from "pino";
import { badInput, GatewayError } from "../errors.ts";
import type { Events, GenerationNotice } from "../ports/events.ts";
import type { ModelDescription } from "../ports/image-provider.ts";
import type { JobQueue } from "../ports/job-queue.ts";
import type { OpenObject } from "../ports/object-store.ts";
import type {
  EditOrder,
  Generation,
  GenerationFailure,
  GenerationOrder,
  GenerationStatus,
  Image,
  Preview,
  Records,
  Warning,
} from "../ports/records.ts";
import type { Delivery, ImageDelivery } from "./delivery.ts";
import { type EditInput, hashEdit, planEdit } from "./edit-input.ts";
import type { EditIntake } from "./edit-intake.ts";
import {
  checkInput,
  checkWholeNumber,
  type GenerationInput,
  type GenerationPlan,
  planGeneration,
} from "./generation-input.ts";
import { type GenerationEvent, type GenerationWatch, isEnded } from "./generation-watch.ts";
import type { ImageLinks, LinkOptions } from "./image-links.ts";
import type { Keeper } from "./keeper.ts";
import type { ModelCatalogue } from "./model-catalogue.ts";
import type { Placeholders } from "./placeholders.ts";
import { type Quote, quoteOf } from "./quote.ts";
import type { Runner } from "./runner.ts";
import { REPETITION_MS, TakenGenerations } from "./taken-generations.ts";

/** Who asks. Records belong to the owner and are read by the same owner alone. */
export interface Caller {
  readonly owner: string;
}

/** Which part of a caller's generations to list, newest first. Ids stand for the generations beside the part. */
export interface PageRequest {
  /** How many from the newest end, 1–100; `first` 20 when neither is given. */
  readonly first?: number | undefined;
  readonly after?: string | undefined;
  /** How many from the oldest end, 1–100. */
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

export interface ImageServiceOptions {
  readonly records: Records;
  readonly queue: JobQueue;
  readonly events: Events;
  readonly catalogue: ModelCatalogue;
  readonly links: ImageLinks;
  readonly delivery: ImageDelivery;
  readonly placeholders: Placeholders;
  readonly edits: EditIntake;
  readonly runner: Runner;
  readonly keeper: Keeper;
  readonly watch: GenerationWatch;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newGenerationId: () => string;
  /** Whether this process runs generations; otherwise it leaves them to others on the same queue. */
  readonly isWorker: boolean;
  /** How many generations may wait before more are refused. */
  readonly maxQueued: number;
}

/** By what a request is known that comes again. */
type AskedBefore = Pick<GenerationPlan, "idempotencyKey" | "attempt" | "inputHash">;

/** How many generations a page has when nobody says. */
export const DEFAULT_PAGE_SIZE = 20;
/** The most generations of one page. */
export const MAX_PAGE_SIZE = 100;
const FULL_RETRY_SECONDS = 30;
const UNRECORDED_RETRY_SECONDS = 5;
const CANCELED_WHILE_RUNNING: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the generation was canceled while the provider was at work; whether it was billed is not known",
  retryable: false,
  billed: "UNKNOWN",
};
/** The most requests of the same input, under way at once, among which a repetition finds its own. */
const MAX_ALIKE = 100;
const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;

/** The one image service behind every door: what is accepted here goes on whoever asked for it stays or leaves. */
export class ImageService {
  readonly #options: ImageServiceOptions;
  readonly #taken: TakenGenerations;
  readonly #drained = new AbortController();
  readonly #waits = new Set<Promise<Generation>>();
  #isClosing = false;

  constructor(options: ImageServiceOptions) {
    this.#options = options;
    this.#taken = new TakenGenerations(options.now);
  }

  /** Takes up what an earlier process left, and begins to run generations unless that is left to others. */
  async start(): Promise<void> {
    const { queue, keeper, runner, isWorker } = this.#options;
    await keeper.start();
    if (isWorker) await queue.start((id) => runner.run(id));
  }

  /**
   * Accepts a generation: once this resolves it is on disk and will be carried out. The same idempotency key with the
   * same input gives the same generation.
   *
   * @throws BAD_USER_INPUT, MODEL_UNAVAILABLE, IDEMPOTENCY_CONFLICT, OVERLOADED
   */
  async submit(caller: Caller, input: GenerationInput): Promise<Generation> {
    const { catalogue, newGenerationId } = this.#options;
    if (this.#isClosing) throw stopping();
    let plan: GenerationPlan;
    try {
      plan = planGeneration(input, catalogue);
    } catch (error) {
      return this.#acceptedBefore(caller, checkInput(input), error);
    }
    return (await this.#repeated(caller, plan)) ?? this.#accept(caller, newGenerationId(), plan);
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
    const { catalogue, edits, newGenerationId } = this.#options;
    if (this.#isClosing) throw stopping();
    const asked = checkInput(input);
    try {
      planEdit(input, catalogue);
    } catch (error) {
      // Whatever can be refused without the images is refused before they are read, unless its key was accepted before.
      const kept = asked.idempotencyKey === undefined ? undefined : await this.#earlierEdit(caller, input, asked);
      if (!kept) throw error;
      return kept;
    }
    const earlier = await this.#earlierEdit(caller, input, asked);
    if (earlier) return earlier;
    const id = newGenerationId();
    const edit = await edits.take(id, caller.owner, input);
    let plan: GenerationPlan;
    try {
      plan = planEdit(input, catalogue, edit);
    } catch (error) {
      await edits.discard(edit);
      throw error;
    }
    const repeated = await this.#repeated(caller, plan);
    if (!repeated) return this.#accept(caller, id, plan, edit);
    await edits.discard(edit);
    return repeated;
  }

  /** The key of what was accepted goes on answering it, when nobody could accept it any more: its model has ended. */
  async #acceptedBefore(caller: Caller, asked: AskedBefore, refusal: unknown): Promise<Generation> {
    const { records, now } = this.#options;
    const { idempotencyKey: key, inputHash } = asked;
    const earlier = key === undefined ? undefined : await records.findByIdempotencyKey(caller.owner, key, now());
    if (earlier?.inputHash !== inputHash) throw refusal;
    return earlier;
  }

  /** What the same edit led to before, found without its images, which may be gone meanwhile. */
  async #earlierEdit(caller: Caller, input: EditInput, asked: AskedBefore): Promise<Generation | undefined> {
    const { records, edits, now } = this.#options;
    const { idempotencyKey: key } = asked;
    const earlier = key === undefined ? undefined : await records.findByIdempotencyKey(caller.owner, key, now());
    if (earlier) return refuseUnlessSame(earlier, hashEdit(asked, input, await edits.hashUploads(input)));
    const hasUploads = [...input.images, input.mask].some((image) => image && "bytes" in image);
    return hasUploads ? undefined : this.#repeated(caller, { ...asked, inputHash: hashEdit(asked, input, []) });
  }

  async #accept(caller: Caller, id: string, decided: GenerationPlan, edit?: EditOrder): Promise<Generation> {
    const { records, edits, now, maxQueued } = this.#options;
    const { model, seed, compression, moderation, safetyIdentifier, partialImages, ...others } = decided;
    const { idempotencyKey, attempt, ...plan } = others;
    const createdAt = now();
    // Before anybody can find it.
    if (attempt) this.#taken.keepFor(id, attempt);
    const order: GenerationOrder = {
      ...plan,
      id,
      owner: caller.owner,
      model: model.description.id,
      createdAt,
      ...(seed !== undefined && { seed }),
      ...(compression !== undefined && { compression }),
      ...(moderation !== undefined && { moderation }),
      ...(safetyIdentifier !== undefined && { safetyIdentifier }),
      ...(partialImages !== undefined && { partialImages }),
      ...(edit && { edit }),
      ...(idempotencyKey !== undefined && {
        idempotency: { key: idempotencyKey, expiresAt: new Date(createdAt.getTime() + IDEMPOTENCY_MS) },
      }),
    };
    // When this throws nobody knows whether it was accepted: the images stay, and are swept if it was not.
    const acceptance = await records.accept(order, maxQueued);
    if (edit && !acceptance?.isNew) await edits.discard(edit);
    if (!acceptance) throw full(maxQueued);
    const { generation, isNew } = acceptance;
    if (!isNew) return refuseUnlessSame(generation, plan.inputHash);
    this.#warnOfPrice(generation);
    await this.#enqueue(generation.id);
    return generation;
  }

  #warnOfPrice({ id: generationId, model, warnings }: Generation): void {
    const change = warnings.find(({ code }) => code === "PRICE_CLASS_CHANGED");
    if (change) this.#options.logger.warn({ generationId, model }, change.message);
  }

  /** What a repetition without a key asks for: a generation of the same client and input that nobody got or awaits. */
  async #repeated(caller: Caller, { attempt, inputHash }: AskedBefore): Promise<Generation | undefined> {
    if (!attempt?.isRepetition) return undefined;
    const { records, now } = this.#options;
    const at = now();
    const since = new Date(at.getTime() - IDEMPOTENCY_MS);
    const alike = await records.findLatestOf(caller.owner, inputHash, since, MAX_ALIKE);
    const unanswered = alike.find((generation) => !this.#taken.has(generation.id) && isWorthAnAnswer(generation, at));
    if (unanswered) this.#taken.keepFor(unanswered.id, attempt);
    return unanswered;
  }

  /** What is accepted will run: a job that could not be made now is made when the keeper finds that it is missing. */
  async #enqueue(generationId: string): Promise<void> {
    const { queue, logger } = this.#options;
    await queue.enqueue(generationId).catch((error: unknown) => {
      logger.warn({ generationId, err: error }, "the job could not be made yet");
    });
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
    const { keeper, delivery, events } = this.#options;
    await keeper.remove(id).finally(() => delivery.forget(id));
    events.publish({ generationId: id });
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
  async wait(generation: Generation, timeoutMs: number): Promise<Generation> {
    if (isEnded(generation) || timeoutMs <= 0 || this.#drained.signal.aborted) return generation;
    const waiting = this.#waitForEnd(generation, timeoutMs);
    this.#waits.add(waiting);
    return waiting.finally(() => this.#waits.delete(waiting));
  }

  async #waitForEnd(generation: Generation, timeoutMs: number): Promise<Generation> {
    const { records, events } = this.#options;
    const isOver = Promise.withResolvers<void>();
    const stop = () => isOver.resolve();
    let latest = generation;
    const refresh = async () => {
      const [found] = await records.findGenerations([generation.id]);
      if (found) latest = found;
      if (!found || isEnded(found)) stop();
    };
    const look = () => void refresh().catch(isOver.reject);
    const onNotice = ({ isUnrecorded }: GenerationNotice) => (isUnrecorded ? isOver.reject(unrecorded()) : look());
    const timer = setTimeout(stop, timeoutMs);
    const unsubscribe = events.subscribe(generation.id, onNotice);
    this.#drained.signal.addEventListener("abort", stop);
    try {
      look();
      await isOver.promise;
      // The last generations end just before the wait does: what their notice led to may not have been read yet.
      if (!isEnded(latest)) await refresh();
      return latest;
    } finally {
      clearTimeout(timer);
      unsubscribe();
      this.#drained.signal.removeEventListener("abort", stop);
    }
  }

  /**
   * What happens to a generation: its state as it is now with the images there are, then each change of status, each
   * preview and each image, and last how it ended; of one that has ended already the state comes first too. Ends also
   * when the generation is deleted, and with {@link drained}.
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

  /** Aborts when the gateway has stopped, just before everyone who waits or watches is let go. */
  get drained(): AbortSignal {
    return this.#drained.signal;
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

  /** @throws BAD_USER_INPUT naming `first` or `last` */
  async page(caller: Caller, request: PageRequest): Promise<Page> {
    const { first, last, after, before, status } = request;
    if (first !== undefined && last !== undefined) throw badInput("last", "give first or last, not both");
    const field = last === undefined ? "first" : "last";
    const size = checkWholeNumber(field, last ?? first ?? DEFAULT_PAGE_SIZE, 0, MAX_PAGE_SIZE);
    const isFromNewest = last === undefined;
    const found = await this.#options.records.listGenerations({
      owner: caller.owner,
      from: isFromNewest ? "newest" : "oldest",
      limit: size + 1,
      ...(status && { status }),
      ...(after !== undefined && { olderThan: after }),
      ...(before !== undefined && { newerThan: before }),
    });
    const hasMore = found.length > size;
    if (isFromNewest) {
      return { generations: found.slice(0, size), hasNextPage: hasMore, hasPreviousPage: after !== undefined };
    }
    const generations = hasMore ? found.slice(1) : found;
    return { generations, hasNextPage: before !== undefined, hasPreviousPage: hasMore };
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
   * @throws FORBIDDEN, NOT_FOUND
   */
  open(url: string): Promise<Delivery> {
    return this.#options.delivery.open(url);
  }

  /**
   * Accepts nothing more, lets what runs finish for `graceMs` milliseconds, interrupts the rest, and then releases
   * everyone who waits. What is queued stays queued on disk.
   */
  async drain(graceMs: number): Promise<void> {
    const { queue, runner, keeper, watch, delivery } = this.#options;
    this.#isClosing = true;
    const timer = setTimeout(() => runner.interrupt(), graceMs);
    // Both at once: what is interrupted makes room, and nothing that waits may take it.
    await Promise.all([queue.drain(), keeper.stop()]);
    clearTimeout(timer);
    await watch.settle();
    this.#drained.abort();
    watch.close();
    await runner.tidy();
    await Promise.allSettled(this.#waits);
    await delivery.onIdle();
  }
}

/** Whether it is under way, or has ended lately and may have cost something. */
function isWorthAnAnswer(generation: Generation, at: Date): boolean {
  if (!isEnded(generation)) return true;
  const { status, failure, finishedAt } = generation;
  const isFree = status !== "SUCCEEDED" && (failure?.billed ?? "NO") === "NO";
  const isOld = finishedAt !== undefined && at.getTime() - finishedAt.getTime() > REPETITION_MS;
  return !isFree && !isOld;
}

function refuseUnlessSame(generation: Generation, inputHash: string): Generation {
  if (generation.inputHash === inputHash) return generation;
  throw new GatewayError("IDEMPOTENCY_CONFLICT", "this idempotency key was used for another input; use a new key", {
    field: "idempotencyKey",
  });
}

function full(maxQueued: number): GatewayError {
  return new GatewayError("OVERLOADED", `${maxQueued} generations are waiting already; send the request again later`, {
    retryAfterSeconds: FULL_RETRY_SECONDS,
  });
}

function unrecorded(): GatewayError {
  const message = "the store cannot record how this generation ended; ask for it again by its id or idempotency key";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: UNRECORDED_RETRY_SECONDS });
}

function stopping(): GatewayError {
  return new GatewayError("OVERLOADED", "the gateway is stopping; send the request again", { retryAfterSeconds: 5 });
}

function inPlace<Owned extends { id: string; owner: string }>(
  ids: readonly string[],
  caller: Caller,
  found: readonly Owned[],
): (Owned | undefined)[] {
  const own = new Map(found.filter((one) => one.owner === caller.owner).map((one) => [one.id, one]));
  return ids.map((id) => own.get(id));
}
