import { GatewayError } from "../errors.ts";
import type { DigitalSourceType, ImageProvider, ModelDescription } from "../ports/image-provider.ts";
import type { Generation, Warning } from "../ports/records.ts";

/** A model, and who makes images with it. */
export interface CataloguedModel {
  readonly description: ModelDescription;
  readonly provider: ImageProvider;
}

/** The models of all providers under their names, retired ones included: old records still name them. */
export class ModelCatalogue {
  readonly #models = new Map<string, CataloguedModel>();
  readonly #defaultModel: string;
  readonly #now: () => Date;

  /**
   * @param providers where two know a model of the same name, the first one has it
   * @throws Error when no provider has the default model, or one that replaces it
   */
  constructor(providers: readonly ImageProvider[], defaultModel: string, now: () => Date) {
    for (const provider of providers) {
      for (const description of provider.models) {
        if (!this.#models.has(description.id)) this.#models.set(description.id, { description, provider });
      }
    }
    this.#now = now;
    this.#defaultModel = defaultModel;
    this.resolve(undefined);
  }

  /** The id of the model that is used when the caller names none; its replacement once it is retired. */
  get defaultModel(): string {
    return this.resolve(undefined).model.description.id;
  }

  /** Every model that can be asked for today. */
  get living(): readonly ModelDescription[] {
    return [...this.#models.values()].map((model) => model.description).filter((model) => !this.#isRetired(model));
  }

  /** The model of this name, living or retired. */
  find(id: string): CataloguedModel | undefined {
    return this.#models.get(id);
  }

  /** How the images of a generation come to be; of one whose model is not known any more, as with most models. */
  digitalSourceOf({ model, edit }: Pick<Generation, "model" | "edit">): DigitalSourceType {
    if (this.find(model)?.description.isProcedural) return edit ? "compositeSynthetic" : "algorithmicMedia";
    return edit ? "compositeWithTrainedAlgorithmicMedia" : "trainedAlgorithmicMedia";
  }

  /**
   * The model to use for a name: the model itself, or with a warning what replaces it once it is retired.
   *
   * @param name `undefined` for the default model
   * @throws MODEL_UNAVAILABLE when no provider has it
   */
  resolve(name: string | undefined): { readonly model: CataloguedModel; readonly warnings: readonly Warning[] } {
    const asked = name ?? this.#defaultModel;
    const seen = new Set<string>();
    let model = this.#models.get(asked);
    while (model && this.#isRetired(model.description) && !seen.has(model.description.id)) {
      seen.add(model.description.id);
      model = model.description.replacement ? this.#models.get(model.description.replacement) : undefined;
    }
    if (!model || this.#isRetired(model.description)) {
      const names = this.living.map((living) => living.id).join(", ");
      throw new GatewayError("MODEL_UNAVAILABLE", `this gateway has no such model; use one of: ${names}`, {
        field: "model",
      });
    }
    if (seen.size === 0) return { model, warnings: [] };
    const { id } = model.description;
    return {
      model,
      warnings: [{ code: "MODEL_REPLACED", message: `the model ${asked} is retired; ${id} was used instead` }],
    };
  }

  #isRetired(model: ModelDescription): boolean {
    return model.shutdownDate !== undefined && model.shutdownDate <= this.#now().toISOString().slice(0, 10);
  }
}
