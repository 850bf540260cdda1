import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import type {
  EndedCall,
  EndedDelivery,
  EndedGeneration,
  EntryPoint,
  Levels,
  ReadableMetrics,
  StoreLevels,
} from "../../ports/metrics.ts";
import { StoreGauges } from "./store-gauges.ts";

const PREFIX = "pictograph_";
/** From a cached answer to the default time limit of a provider call, in seconds. */
const CALL_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
/** From a local read to an outage, in seconds. */
const STORE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
/** From a quick receiver to the end of the schedule of attempts, in seconds. */
const DELIVERY_BUCKETS = [0.1, 0.5, 1, 5, 10, 60, 300, 1800, 10_800, 86_400, 432_000];
/** The label of models and providers that are not known. */
const OTHER = "other";

/** Says which names may become labels. Other names could be countless. */
export interface KnownNames {
  isModel(name: string): boolean;
  isProvider(name: string): boolean;
}

/** Keeps metrics in memory and writes them in the text format of Prometheus. */
export class PrometheusMetrics implements ReadableMetrics {
  readonly #registry = new Registry();
  readonly #known: KnownNames;
  readonly #requests = this.#counter("requests_total", "Requests by API and HTTP status.", ["entry_point", "status"]);
  readonly #refusals = this.#counter("refusals_total", "Generations and edits that were not accepted.", ["code"]);
  readonly #generations = this.#counter("generations_total", "Generations that this process ended.", [
    "model",
    "provider",
    "operation",
    "outcome",
  ]);
  readonly #cost = this.#counter("cost_usd_total", "US dollars of ended generations, estimates included.", ["model"]);
  readonly #unpriced = this.#counter("unpriced_images_total", "Images whose price is not known.", ["model"]);
  readonly #exceededHolds = this.#counter("holds_exceeded_total", "Bills above the dollars that were held for them.", [
    "model",
  ]);
  readonly #images = this.#counter("images_stored_total", "Images that were stored.", ["model"]);
  readonly #imageBytes = this.#counter("image_bytes_stored_total", "Bytes of the images that were stored.", ["model"]);
  readonly #sentImages = this.#counter("images_sent_total", "Images that viewers got from the gateway.", []);
  readonly #sentBytes = this.#counter("image_bytes_sent_total", "Bytes of images that viewers got.", []);
  readonly #redirects = this.#counter("image_redirects_total", "Viewers that were redirected to the bucket.", []);
  readonly #derivatives = this.#counter("derivatives_stored_total", "Derivatives that were made.", []);
  readonly #derivativeBytes = this.#counter("derivative_bytes_stored_total", "Bytes of derivatives.", []);
  readonly #repeatedCalls = this.#counter("provider_call_retries_total", "Calls that were repeated.", ["provider"]);
  readonly #fallbacks = this.#counter("fallbacks_total", "Generations that left a model whose provider was down.", [
    "model",
  ]);
  readonly #pausedProviders = new Gauge({
    name: `${PREFIX}provider_paused`,
    help: "1 while calls to a provider are paused because it keeps failing.",
    labelNames: ["provider"],
    registers: [this.#registry],
  });
  readonly #calls = this.#histogram("provider_call_duration_seconds", "Calls to providers.", CALL_BUCKETS, [
    "model",
    "provider",
    "outcome",
  ]);
  readonly #waits = this.#histogram("queue_wait_seconds", "From acceptance to start.", CALL_BUCKETS, []);
  readonly #store = this.#histogram("store_duration_seconds", "Operations of the records.", STORE_BUCKETS, [
    "operation",
  ]);

  readonly #signedImages = this.#counter("images_signed_total", "Images to be signed, by whether they were.", [
    "outcome",
  ]);
  readonly #deliveries = this.#counter("webhook_attempts_total", "Attempts to deliver webhooks.", ["event", "outcome"]);
  readonly #deliveryAges = this.#histogram(
    "webhook_delivery_age_seconds",
    "From an event to its delivery.",
    DELIVERY_BUCKETS,
    [],
  );
  #storeGauges: StoreGauges | undefined;

  /** Also observes the event loop, the memory and the garbage collection of this process. */
  constructor(known: KnownNames) {
    this.#known = known;
    for (const code of ERROR_CODES) this.#refusals.inc({ code }, 0);
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async read(): Promise<string> {
    await this.#storeGauges?.refresh();
    return this.#registry.metrics();
  }

  requestEnded(entryPoint: EntryPoint, status: number | undefined): void {
    this.#requests.inc({ entry_point: entryPoint, status: status ?? "none" });
  }

  generationRefused(code: ErrorCode): void {
    this.#refusals.inc({ code });
  }

  generationStarted(waitedMs: number): void {
    this.#waits.observe(Math.max(0, waitedMs) / 1000);
  }

  generationEnded({ provider, operation, outcome, costUsd, unpricedImages, ...facts }: EndedGeneration): void {
    const model = this.#model(facts.model);
    this.#generations.inc({ model, provider: this.#provider(provider), operation, outcome });
    if (costUsd !== undefined) this.#cost.inc({ model }, Number(costUsd));
    // Prometheus sees no increase in a series that begins above 0. So these begin with a model's first generation.
    this.#unpriced.inc({ model }, unpricedImages);
    this.#exceededHolds.inc({ model }, 0);
    this.#fallbacks.inc({ model }, 0);
  }

  providerCallEnded({ model, provider, outcome, durationMs }: EndedCall): void {
    const labels = { model: this.#model(model), provider: this.#provider(provider), outcome };
    this.#calls.observe(labels, durationMs / 1000);
  }

  providerCallRepeated(provider: string): void {
    this.#repeatedCalls.inc({ provider: this.#provider(provider) });
  }

  providerPaused(provider: string, isPaused: boolean): void {
    this.#pausedProviders.set({ provider: this.#provider(provider) }, isPaused ? 1 : 0);
  }

  generationFellBack(model: string): void {
    this.#fallbacks.inc({ model: this.#model(model) });
  }

  billExceededHold(model: string): void {
    this.#exceededHolds.inc({ model: this.#model(model) });
  }

  imageStored(name: string, byteSize: number): void {
    const model = this.#model(name);
    this.#images.inc({ model });
    this.#imageBytes.inc({ model }, byteSize);
  }

  imageSent(byteSize: number): void {
    this.#sentImages.inc();
    this.#sentBytes.inc(byteSize);
  }

  imageRedirected(): void {
    this.#redirects.inc();
  }

  derivativeStored(byteSize: number): void {
    this.#derivatives.inc();
    this.#derivativeBytes.inc(byteSize);
  }

  imageSigned(outcome: "SIGNED" | "FAILED"): void {
    this.#signedImages.inc({ outcome });
  }

  webhookAttempted({ event, outcome, ageMs }: EndedDelivery): void {
    this.#deliveries.inc({ event, outcome });
    if (outcome === "DELIVERED") this.#deliveryAges.observe(Math.max(0, ageMs) / 1000);
  }

  storeAnswered(operation: string, durationMs: number): void {
    this.#store.observe({ operation }, durationMs / 1000);
  }

  watch({ subscribers, running, decodesWaiting }: Levels): void {
    this.#level("subscribers", "Clients of this process that follow generations.", subscribers);
    this.#level("running", "Generations that this process runs.", running);
    this.#level("decodes_waiting", "Images that wait for a decoder.", decodesWaiting);
  }

  watchStore(read: () => Promise<StoreLevels>): void {
    this.#storeGauges = new StoreGauges({
      read,
      registry: this.#registry,
      prefix: PREFIX,
      labelOf: (model) => this.#model(model),
    });
  }

  certificateExpires(at: Date): void {
    for (const outcome of ["SIGNED", "FAILED"]) this.#signedImages.inc({ outcome }, 0);
    const help = "When the certificate that signs images expires, in seconds since 1970.";
    this.#level("signing_certificate_expiry_timestamp_seconds", help, () => at.getTime() / 1000);
  }

  #model(name: string): string {
    return this.#known.isModel(name) ? name : OTHER;
  }

  #provider(name: string | undefined): string {
    return name !== undefined && this.#known.isProvider(name) ? name : OTHER;
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: PREFIX + name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly Label[],
  ): Histogram<Label> {
    const registers = [this.#registry];
    return new Histogram({ name: PREFIX + name, help, buckets: [...buckets], labelNames: [...labelNames], registers });
  }

  #level(name: string, help: string, read: () => number): void {
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }
}
