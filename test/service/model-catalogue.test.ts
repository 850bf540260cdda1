import { describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../src/errors.ts";
import type { ModelDescription } from "../../src/ports/image-provider.ts";
import { ModelCatalogue } from "../../src/service/model-catalogue.ts";
import { SCRIPTED_MODEL, ScriptedProvider } from "../support/scripted-provider.ts";

const TODAY = new Date("2026-11-22T12:00:00Z");

function model(id: string, shutdownDate?: string, replacement?: string): ModelDescription {
  return { ...SCRIPTED_MODEL, id, ...(shutdownDate && { shutdownDate }), ...(replacement && { replacement }) };
}

function catalogueOf(models: readonly ModelDescription[], now = TODAY, defaultModel = "living"): ModelCatalogue {
  return new ModelCatalogue([new ScriptedProvider([model("living"), ...models])], defaultModel, () => now);
}

function resolvedId(catalogue: ModelCatalogue, name: string | undefined): string {
  return catalogue.resolve(name).model.description.id;
}

function refusalOf(act: () => unknown): GatewayError | undefined {
  try {
    act();
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

describe("a model's name", () => {
  test("stands for the living model of that name, without a warning", () => {
    const { model: found, warnings } = catalogueOf([model("other")]).resolve("other");

    expect(found.description.id).toBe("other");
    expect(warnings).toEqual([]);
  });

  test("left out stands for the default model, without a warning", () => {
    expect(catalogueOf([]).resolve(undefined)).toMatchObject({
      model: { description: { id: "living" } },
      warnings: [],
    });
  });

  test("of a retired model stands for its replacement, with a warning that names both", () => {
    const { model: found, warnings } = catalogueOf([model("old", "2026-11-21", "living")]).resolve("old");

    expect(found.description.id).toBe("living");
    expect(warnings).toEqual([{ code: "MODEL_REPLACED", message: expect.stringMatching(/\bold\b.*\bliving\b/) }]);
  });

  test.each([
    ["2026-11-21", "living"],
    ["2026-11-22", "living"],
    ["2026-11-23", "old"],
    ["2027-01-01", "old"],
  ])("of a model that shuts down on %s stands on 22 November 2026 for %s", (shutdownDate, expected) => {
    expect(resolvedId(catalogueOf([model("old", shutdownDate, "living")]), "old")).toBe(expected);
  });

  test("changes its meaning when the day comes, in UTC, without a restart", () => {
    let now = new Date("2026-11-30T23:59:59.999Z");
    const provider = new ScriptedProvider([model("living"), model("old", "2026-12-01", "living")]);
    const catalogue = new ModelCatalogue([provider], "old", () => now);
    expect(resolvedId(catalogue, "old")).toBe("old");
    expect(catalogue.defaultModel).toBe("old");

    now = new Date("2026-12-01T00:00:00.000Z");
    expect(resolvedId(catalogue, "old")).toBe("living");
    expect(catalogue.defaultModel).toBe("living");
    expect(catalogue.living.map(({ id }) => id)).toEqual(["living"]);
  });

  test("follows a chain of replacements to the first that lives", () => {
    const catalogue = catalogueOf([
      model("oldest", "2024-01-01", "older"),
      model("older", "2025-01-01", "old"),
      model("old", "2026-01-01", "newer"),
      model("newer", "2027-01-01", "living"),
    ]);

    expect(resolvedId(catalogue, "oldest")).toBe("newer");
    expect(catalogue.resolve("oldest").warnings).toHaveLength(1);
  });

  test.each<[string, readonly ModelDescription[]]>([
    ["of a model that nothing replaces", [model("old", "2026-01-01")]],
    ["of a model whose replacement is unknown", [model("old", "2026-01-01", "nowhere")]],
    ["of a model that replaces itself", [model("old", "2026-01-01", "old")]],
    [
      "of models that replace each other",
      [
        model("old", "2026-01-01", "older"),
        model("older", "2026-01-01", "oldest"),
        model("oldest", "2026-01-01", "old"),
      ],
    ],
    ["that is unknown", []],
  ])("%s is refused, naming what lives", (_what, models) => {
    const catalogue = catalogueOf([...models, model("also-living")]);
    const refusal = refusalOf(() => catalogue.resolve("old"));

    expect(refusal).toBeInstanceOf(GatewayError);
    expect(refusal).toMatchObject({ code: "MODEL_UNAVAILABLE", details: { field: "model" } });
    expect(refusal?.message).toContain("living, also-living");
  });

  test.each(["", " living", "LIVING", "living ", "constructor", "__proto__"])("%j is unknown", (name) => {
    expect(refusalOf(() => catalogueOf([]).resolve(name))).toMatchObject({ code: "MODEL_UNAVAILABLE" });
  });
});

describe("the catalogue", () => {
  test("finds a model by its name, retired or not", () => {
    const catalogue = catalogueOf([model("old", "2026-01-01", "living")]);

    expect(catalogue.find("old")?.description.id).toBe("old");
    expect(catalogue.find("living")?.description.id).toBe("living");
    expect(catalogue.find("nowhere")).toBeUndefined();
    expect(catalogue.living.map(({ id }) => id)).toEqual(["living"]);
  });

  test("gives a name that two providers know to the first", () => {
    const first = new ScriptedProvider([model("living")]);
    const second = new ScriptedProvider([model("living"), model("other")]);
    const catalogue = new ModelCatalogue([first, second], "living", () => TODAY);

    expect(catalogue.resolve("living").model.provider).toBe(first);
    expect(catalogue.resolve("other").model.provider).toBe(second);
    expect(catalogue.living.map(({ id }) => id)).toEqual(["living", "other"]);
  });

  test("cannot be made with a default model that nobody has", () => {
    expect(() => catalogueOf([], TODAY, "nowhere")).toThrow();
    expect(() => catalogueOf([model("old", "2026-01-01")], TODAY, "old")).toThrow();
  });
});
