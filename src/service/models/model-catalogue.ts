import { GatewayError, StartError } from "../../errors.ts";
import type { Announcement, DigitalSourceType, ImageProvider, ModelDescription } from "../../ports/image-provider.ts";
import type { Generation, Warning } from "../../ports/records.ts";

/** A model and the provider that runs it. */
export interface CataloguedModel {
  readonly description: ModelDescription;
  readonly provider: ImageProvider;
}

/** The operator's models file. */
export interface OperatorModels {
  /** By id: changes to the description of a known model, or the description of a new one. */
  readonly models: ReadonlyMap<string, Partial<ModelDescription>>;
  /** By alias: a model and the models to fall back to, in order. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/** The model that a name means today. */
export interface ResolvedModel {
  readonly model: CataloguedModel;
  /** Models to use while the first one's provider is not available. None of them is retired. */
  readonly fallbacks: readonly CataloguedModel[];
  readonly warnings: readonly Warning[];
}

/** A model that answers to the names of models that are not configured. */
export interface StandIn {
  /** The model that draws. */
  readonly id: string;
  /** Whether it answers to this name of a model. */
  answersTo(name: string): boolean;
}

/** How many days before its shutdown a model is warned of. */
const WARNING_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The models of all providers by name. Retired models stay, because old records name them. */
export class ModelCatalogue {
  readonly #providers: readonly ImageProvider[];
  readonly #models = new Map<string, CataloguedModel>();
  /** The vendors' announcements about dated snapshots. */
  readonly #announced = new Map<string, Announcement>();
  readonly #operator: OperatorModels;
  readonly #standIn: StandIn | undefined;
  readonly #defaultModel: string;
  readonly #now: () => Date;

  /**
   * @param providers if two have a model of the same name, the first one counts
   * @param standIn only for gateways without a provider
   * @throws StartError when no provider has the default model or a replacement of it, or when the models file is wrong
   */
  constructor(
    providers: readonly ImageProvider[],
    defaultModel: string,
    now: () => Date,
    operator: OperatorModels = { models: new Map(), aliases: new Map() },
    standIn?: StandIn,
  ) {
    this.#providers = providers;
    this.#standIn = standIn;
    for (const provider of providers) {
      for (const description of provider.models) {
        if (!this.#models.has(description.id)) this.#models.set(description.id, { description, provider });
      }
    }
    this.#operator = operator;
    this.#now = now;
    this.#defaultModel = defaultModel;
    const problems = [...operator.models].flatMap(([id, changes]) => this.#change(id, changes, providers));
    this.#renewSnapshots();
    problems.push(...this.#wrongReplacements(), ...this.#wrongAliases());
    if (problems.length > 0) throw new StartError(problems);
    try {
      this.resolve(undefined);
    } catch (error) {
      throw new StartError([`PICTOGRAPH_DEFAULT_MODEL ${defaultModel}: ${(error as Error).message}`], { cause: error });
    }
  }

  #change(id: string, changes: Partial<ModelDescription>, providers: readonly ImageProvider[]): string[] {
    const known = this.#models.get(id);
    if (known && (changes.provider ?? known.provider.name) === known.provider.name) {
      this.#models.set(id, { ...known, description: { ...known.description, ...changes } });
      return [];
    }
    const provider = providers.find(({ name }) => name === changes.provider);
    if (!provider) {
      const names = [...new Set(providers.map(({ name }) => name))].join(", ");
      return [`models.${id}.provider must be one of ${names}: no provider has this model`];
    }
    const own = provider.models.find((model) => model.id === id);
    if (own) {
      this.#models.set(id, { provider, description: { ...own, ...changes } });
      return [];
    }
    const like = provider.models.find((model) => model.shutdownDate === undefined) ?? provider.models[0];
    if (!like) return [`models.${id}: ${provider.name} has no model whose description this one could extend`];
    const {
      prices: _p,
      priceClass: _c,
      outputTokens: _t,
      inputTokens: _i,
      shutdownDate: _d,
      replacement: _r,
      createdAt: _a,
      ...abilities
    } = like;
    this.#models.set(id, { description: { ...abilities, ...changes, id }, provider });
    return [];
  }

  /** A circle is a mistake only within the models file: two models of a vendor may replace each other. */
  #wrongReplacements(): string[] {
    const { models } = this.#operator;
    return [...models].flatMap(([id, { replacement }]) => {
      if (replacement !== undefined && !this.find(replacement)) {
        return [`models.${id}.replacement is ${replacement}, which no provider has`];
      }
      const seen: string[] = [id];
      for (let next = replacement; next !== undefined; next = models.get(next)?.replacement) {
        if (next === id) return [`models.${id}.replacement leads in a circle: ${[...seen, next].join(", ")}`];
        if (seen.includes(next)) break;
        seen.push(next);
      }
      return [];
    });
  }

  #wrongAliases(): string[] {
    const { aliases } = this.#operator;
    return [...aliases].flatMap(([alias, names]) => [
      ...(this.#models.has(alias) ? [`aliases.${alias} is the name of a model; set its replacement instead`] : []),
      ...names.flatMap((name, index) => {
        const place = `aliases.${alias}[${index}]`;
        if (names.indexOf(name) < index) return [`${place} is ${name}, which is listed before`];
        if (aliases.has(name)) return [`${place} is the alias ${name}; name a model`];
        return this.find(name) ? [] : [`${place} is ${name}, which no provider has`];
      }),
    ]);
  }

  /** The id of the model for callers that name none. Once it is retired, the id of its replacement. */
  get defaultModel(): string {
    const model = this.#successor(this.#aliased(this.#defaultModel)[0] ?? this.#defaultModel);
    return typeof model === "string" ? this.#defaultModel : model.description.id;
  }

  /** Whether a provider limits its own calls. */
  get hasLimitedProvider(): boolean {
    return this.#providers.some(({ concurrency }) => concurrency !== undefined);
  }

  /** Every model that is not retired. */
  get living(): readonly ModelDescription[] {
    return [...this.#models.values()].map((model) => model.description).filter((model) => !this.#isRetired(model));
  }

  /** Those of these models that are known and not retired, in the same order. */
  livingOf(ids: readonly string[]): readonly CataloguedModel[] {
    return ids.flatMap((id) => this.find(id) ?? []).filter(({ description }) => !this.#isRetired(description));
  }

  /** The models that may run a generation planned for this one: its replacement, if its shutdown is announced, and the fallbacks. */
  othersFor(model: ModelDescription, fallbacks: readonly string[] = []): readonly ModelDescription[] {
    const next = model.shutdownDate === undefined ? undefined : this.#successorOf(model);
    const others = this.livingOf(fallbacks);
    return [...(typeof next === "object" ? [next] : []), ...others].map(({ description }) => description);
  }

  /** The model of this name, retired or not. Also finds models that their provider can describe but does not list. */
  find(id: string): CataloguedModel | undefined {
    const known = this.#models.get(id);
    if (known) return known;
    for (const provider of this.#providers) {
      const description = provider.describe?.(id);
      if (description) return { provider, description: this.#asItsFamily(description) };
    }
    return undefined;
  }

  /** Copies changes of a model to its snapshots. */
  #renewSnapshots(): void {
    for (const [id, { provider, description }] of this.#models) {
      if (description.snapshotOf !== undefined) {
        this.#models.set(id, { provider, description: this.#asItsFamily(description) });
      }
    }
  }

  #asItsFamily(description: ModelDescription): ModelDescription {
    const { id, snapshotOf } = description;
    const family = snapshotOf === undefined ? undefined : this.#models.get(snapshotOf)?.description;
    if (!family) return description;
    const { createdAt, shutdownDate } = this.#announced.get(id) ?? {};
    const own = { ...(createdAt && { createdAt }), ...(typeof shutdownDate === "string" && { shutdownDate }) };
    return { ...family, ...own, ...this.#operator.models.get(id), id, snapshotOf: family.id };
  }

  /** How the images of a generation were made. An unknown model counts as a trained one. */
  digitalSourceOf({ model, edit }: Pick<Generation, "model" | "edit">): DigitalSourceType {
    if (this.find(model)?.description.isProcedural) return edit ? "compositeSynthetic" : "algorithmicMedia";
    return edit ? "compositeWithTrainedAlgorithmicMedia" : "trainedAlgorithmicMedia";
  }

  /**
   * Finds the model for a name. A retired model gives its replacement, with a warning. An alias gives the first of its
   * models that can be used, and the others as fallbacks.
   *
   * @param name `undefined` for the default model
   * @throws MODEL_UNAVAILABLE when no provider has it, or its replacement is of another price class and not allowed
   */
  resolve(name: string | undefined): ResolvedModel {
    const asked = name ?? this.#defaultModel;
    const found = this.#aliased(asked).map((id) => ({ id, model: this.#successor(id) }));
    const [first, ...others] = found.flatMap(({ id, model }) => (typeof model === "string" ? [] : [{ id, model }]));
    if (!first) {
      const reason = found.map(({ model }) => model).find((model) => typeof model === "string" && model !== "");
      const names = this.living.map((living) => living.id).join(", ");
      const message = `${reason ?? "this gateway has no such model"}; use one of: ${names}`;
      throw new GatewayError("MODEL_UNAVAILABLE", message, { field: "model" });
    }
    return {
      model: first.model,
      fallbacks: withoutRepetitions([first, ...others].map(({ model }) => model)).slice(1),
      warnings: [
        ...this.#replacedWarnings(first.id, first.model.description),
        ...assumedWarnings(first.model.description),
        ...this.warningsOf(first.model.description),
      ],
    };
  }

  /** The ids of the models that a name selects today: several for an alias, none for an unknown name. */
  modelsOf(name: string): readonly string[] {
    const found = this.#aliased(name).map((id) => this.#successor(id));
    return found.flatMap((model) => (typeof model === "string" ? [] : [model.description.id]));
  }

  #replacedWarnings(id: string, used: ModelDescription): Warning[] {
    if (id === used.id) return [];
    const asked = this.find(id)?.description;
    if (!asked) {
      const message = `no provider of ${id} is configured; ${used.id} was used instead`;
      return [{ code: "MODEL_REPLACED", message }];
    }
    const replaced = { code: "MODEL_REPLACED", message: `the model ${id} is retired; ${used.id} was used instead` };
    if (asked.priceClass === used.priceClass) return [replaced];
    const [to, from] = [used, asked].map(({ priceClass = "unknown" }) => priceClass);
    const message = `${used.id} is of another price class than ${id}: ${to} instead of ${from}`;
    return [replaced, { code: "PRICE_CLASS_CHANGED", message }];
  }

  /** The warning of a model that shuts down within 30 days. */
  warningsOf(model: ModelDescription): readonly Warning[] {
    if (!this.sunsetOf(model)) return [];
    const { id, shutdownDate } = model;
    const next = this.#successorOf(model);
    const what = typeof next === "string" ? next : takesItsPlace(next.description, model);
    return [{ code: "MODEL_RETIRING", message: `the model ${id} shuts down on ${shutdownDate}; ${what}` }];
  }

  /** When a model shuts down that has at most 30 days left; `undefined` for all others. */
  sunsetOf({ shutdownDate }: ModelDescription): Date | undefined {
    if (shutdownDate === undefined) return undefined;
    const end = new Date(`${shutdownDate}T00:00:00Z`);
    const leftMs = end.getTime() - this.#now().getTime();
    return leftMs > 0 && leftMs <= WARNING_DAYS * DAY_MS ? end : undefined;
  }

  /** Records a vendor's announcements about its models. A shutdown date in the models file stays. */
  announce(provider: ImageProvider, announcements: ReadonlyMap<string, Announcement>): void {
    for (const [id, announcement] of announcements) {
      const known = this.find(id);
      if (known?.provider !== provider) continue;
      if (known.description.snapshotOf !== undefined) this.#announced.set(id, announcement);
      const { createdAt, shutdownDate } = announcement;
      const { shutdownDate: before, ...others } = known.description;
      const isKept = shutdownDate === undefined || this.#operator.models.get(id)?.shutdownDate !== undefined;
      const end = isKept ? before : shutdownDate;
      const description = {
        ...others,
        ...(createdAt && { createdAt }),
        ...(typeof end === "string" && { shutdownDate: end }),
      };
      this.#models.set(id, { provider, description });
    }
    this.#renewSnapshots();
  }

  #aliased(name: string): readonly string[] {
    return this.#operator.aliases.get(name) ?? [name];
  }

  /** The model or its replacement. Otherwise the reason as a text; `""` for an unknown name. */
  #successor(id: string): CataloguedModel | string {
    const model = this.find(id) ?? (this.#standIn?.answersTo(id) ? this.#models.get(this.#standIn.id) : undefined);
    if (!model) return "";
    if (!this.#isRetired(model.description)) return model;
    const next = this.#successorOf(model.description);
    return typeof next === "string" ? `the model ${id} has shut down; ${next}` : next;
  }

  /** The replacement of a model. Otherwise the reason why there is none, as the end of a sentence. */
  #successorOf(model: ModelDescription): CataloguedModel | string {
    const seen = new Set<string>();
    for (let last = model; ; ) {
      seen.add(last.id);
      const next = last.replacement === undefined ? undefined : this.find(last.replacement);
      if (!next || seen.has(next.description.id)) return "it has no replacement";
      if (!last.mayChangePriceClass && last.priceClass !== next.description.priceClass) {
        return `its replacement ${next.description.id} is of another price class and must be asked for by name`;
      }
      if (!this.#isRetired(next.description)) return next;
      last = next.description;
    }
  }

  #isRetired(model: ModelDescription): boolean {
    return model.shutdownDate !== undefined && model.shutdownDate <= this.#now().toISOString().slice(0, 10);
  }
}

function withoutRepetitions(models: readonly CataloguedModel[]): readonly CataloguedModel[] {
  return [...new Map(models.map((model) => [model.description.id, model])).values()];
}

function assumedWarnings({ id, isAssumed = false }: ModelDescription): Warning[] {
  if (!isAssumed) return [];
  const message = `${id} is newer than this gateway, which passed it on; its abilities are assumed and its price is unknown`;
  return [{ code: "MODEL_UNKNOWN", message }];
}

function takesItsPlace(next: ModelDescription, { priceClass }: ModelDescription): string {
  const what = `${next.id} takes its place`;
  return next.priceClass === priceClass ? what : `${what}, which is of another price class`;
}
