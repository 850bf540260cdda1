import { describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../src/errors.ts";
import type { Announcement, ModelDescription } from "../../../src/ports/image-provider.ts";
import { ModelCatalogue } from "../../../src/service/models/model-catalogue.ts";
import { SCRIPTED_MODEL, ScriptedProvider } from "../../support/gateways/scripted-provider.ts";

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
  test("selects the available model of that name, without a warning", () => {
    const { model: found, warnings } = catalogueOf([model("other")]).resolve("other");

    expect(found.description.id).toBe("other");
    expect(warnings).toEqual([]);
  });

  test("selects the default model if it is omitted, without a warning", () => {
    expect(catalogueOf([]).resolve(undefined)).toMatchObject({
      model: { description: { id: "living" } },
      warnings: [],
    });
  });

  test("of a retired model selects its replacement, with a warning that names both", () => {
    const { model: found, warnings } = catalogueOf([model("old", "2026-11-21", "living")]).resolve("old");

    expect(found.description.id).toBe("living");
    expect(warnings).toEqual([{ code: "MODEL_REPLACED", message: expect.stringMatching(/\bold\b.*\bliving\b/) }]);
  });

  test.each([
    ["2026-11-21", "living"],
    ["2026-11-22", "living"],
    ["2026-11-23", "old"],
    ["2027-01-01", "old"],
  ])("of a model that shuts down on %s selects on 22 November 2026 %s", (shutdownDate, expected) => {
    expect(resolvedId(catalogueOf([model("old", shutdownDate, "living")]), "old")).toBe(expected);
  });

  test("changes its meaning on the shutdown day in UTC, without a restart", () => {
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

  test("follows a chain of replacements to the first available model", () => {
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
  ])("%s is refused with the available models", (_what, models) => {
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

describe("the model catalogue", () => {
  test("finds a model by its name, even if it is retired", () => {
    const catalogue = catalogueOf([model("old", "2026-01-01", "living")]);

    expect(catalogue.find("old")?.description.id).toBe("old");
    expect(catalogue.find("living")?.description.id).toBe("living");
    expect(catalogue.find("nowhere")).toBeUndefined();
    expect(catalogue.living.map(({ id }) => id)).toEqual(["living"]);
  });

  test("uses the first provider if two have a model of the same name", () => {
    const first = new ScriptedProvider([model("living")]);
    const second = new ScriptedProvider([model("living"), model("other")]);
    const catalogue = new ModelCatalogue([first, second], "living", () => TODAY);

    expect(catalogue.resolve("living").model.provider).toBe(first);
    expect(catalogue.resolve("other").model.provider).toBe(second);
    expect(catalogue.living.map(({ id }) => id)).toEqual(["living", "other"]);
  });

  test("cannot be created with an unknown default model", () => {
    expect(() => catalogueOf([], TODAY, "nowhere")).toThrow();
    expect(() => catalogueOf([model("old", "2026-01-01")], TODAY, "old")).toThrow();
  });
});

describe("a price class", () => {
  const replacing = (priceClass: string, changes: Partial<ModelDescription> = {}) =>
    catalogueOf([
      { ...model("old", "2026-11-22", "new"), priceClass, ...changes },
      { ...model("new"), priceClass: "dear" },
    ]);

  test("does not change without a decision", () => {
    const refusal = refusalOf(() => replacing("cheap").resolve("old"));
    expect(refusal).toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(refusal?.message).toMatch(
      /^the model old has shut down; its replacement new is of another price class and must be asked for by name; use/,
    );
    expect(refusal?.message).toMatch(/living, new$/);
  });

  test("changes if the operator allows it, and otherwise stays", () => {
    const decided = replacing("cheap", { mayChangePriceClass: true }).resolve("old");
    expect(decided.model.description.id).toBe("new");
    expect(decided.warnings).toEqual([
      { code: "MODEL_REPLACED", message: expect.stringContaining("new was used") },
      { code: "PRICE_CLASS_CHANGED", message: expect.stringContaining("dear instead of cheap") },
    ]);
    const kept = replacing("dear").resolve("old");
    expect([kept.model.description.id, kept.warnings.map(({ code }) => code)]).toEqual(["new", ["MODEL_REPLACED"]]);
  });
});

describe("a model that ends soon", () => {
  const leaving = (date: string) => catalogueOf([model("old", date, "living")]);

  test.each([
    ["2026-12-22", 1],
    ["2026-12-23", 0],
    ["2026-11-23", 1],
  ])("on %s has on 22 November 2026 this many warnings: %i", (date, count) => {
    const { warnings } = leaving(date).resolve("old");
    expect(warnings).toHaveLength(count);
    if (count > 0)
      expect(warnings[0]).toMatchObject({ code: "MODEL_RETIRING", message: expect.stringContaining(date) });
  });

  test("ends on the date that its vendor announces, unless the operator sets another", () => {
    const provider = new ScriptedProvider([
      model("living"),
      model("a"),
      model("b", "2026-12-01"),
      model("c"),
      model("d", "2026-12-02"),
    ]);
    const operator = { models: new Map([["c", { shutdownDate: "2027-01-01" }]]), aliases: new Map() };
    const catalogue = new ModelCatalogue([provider], "living", () => TODAY, operator);
    const dates = new Map<string, Announcement>([
      ["a", { shutdownDate: "2026-11-30" }],
      ["b", { shutdownDate: null }],
      ["c", { shutdownDate: "2026-11-30", createdAt: TODAY }],
      ["d", { createdAt: TODAY }],
      ["nowhere", { shutdownDate: "2026-11-30" }],
    ]);
    catalogue.announce(new ScriptedProvider(), dates);
    expect(catalogue.find("a")?.description.shutdownDate).toBeUndefined();
    catalogue.announce(provider, dates);
    expect(["a", "b", "c", "d"].map((id) => catalogue.find(id)?.description.shutdownDate)).toEqual([
      "2026-11-30",
      undefined,
      "2027-01-01",
      "2026-12-02",
    ]);
    expect(["a", "c", "d"].map((id) => catalogue.find(id)?.description.createdAt)).toEqual([undefined, TODAY, TODAY]);
  });
});

describe("the operator's models file", () => {
  const decide = (models: Record<string, Partial<ModelDescription>>, aliases: Record<string, readonly string[]> = {}) =>
    new ModelCatalogue(
      [new ScriptedProvider([model("living"), model("other"), model("dead", "2026-01-01")])],
      "living",
      () => TODAY,
      {
        models: new Map(Object.entries(models)),
        aliases: new Map(Object.entries(aliases)),
      },
    );

  test("changes the description of a model, and adds models", () => {
    const catalogue = decide({ living: { maxImages: 2 }, mine: { provider: "scripted", maxImages: 3 } });
    expect(catalogue.find("living")?.description).toEqual({ ...model("living"), maxImages: 2 });
    expect(catalogue.find("mine")?.description).toEqual({ ...model("mine"), maxImages: 3 });
  });

  test("resolves an alias to its first available model, with the others as fallbacks", () => {
    const resolved = decide({}, { best: ["dead", "other", "living"] }).resolve("best");
    expect(resolved.model.description.id).toBe("other");
    expect(resolved.fallbacks.map(({ description }) => description.id)).toEqual(["living"]);
    expect(decide({}, { best: ["living"] }).resolve("living").fallbacks).toEqual([]);
  });

  test("may make two models replace each other only if one direction is the vendor's own", () => {
    const ways = [model("living"), model("one", "2026-01-01", "two"), model("two", undefined, "one")];
    const decide = (changes: Record<string, Partial<ModelDescription>>) => {
      const operator = { models: new Map(Object.entries(changes)), aliases: new Map() };
      return new ModelCatalogue([new ScriptedProvider(ways)], "living", () => TODAY, operator);
    };
    expect(resolvedId(decide({ one: { replacement: "two" } }), "one")).toBe("two");
    expect(resolvedId(decide({ two: { replacement: "one" } }), "one")).toBe("two");
    expect(() => decide({ one: { replacement: "two" }, two: { replacement: "one" } })).toThrow(
      /in a circle: one, two, one/,
    );
  });

  test("is refused with all its problems together", () => {
    const problems = refusalOf(() =>
      decide(
        {
          nobodys: {},
          a: { provider: "scripted", shutdownDate: "2026-01-01", replacement: "b" },
          b: { provider: "scripted", replacement: "a" },
          c: { provider: "scripted", replacement: "nowhere" },
        },
        { living: ["other"], one: ["two"], two: ["one"], lost: ["nowhere"] },
      ),
    );
    expect(problems?.message.split("\n")).toEqual([
      expect.stringMatching(/^models\.nobodys\.provider must be one of scripted/),
      expect.stringMatching(/^models\.a\.replacement leads in a circle/),
      expect.stringMatching(/^models\.b\.replacement leads in a circle/),
      expect.stringMatching(/^models\.c\.replacement is nowhere, which no provider has/),
      expect.stringMatching(/^aliases\.living is the name of a model/),
      expect.stringMatching(/^aliases\.one\[0\] is the alias two/),
      expect.stringMatching(/^aliases\.two\[0\] is the alias one/),
      expect.stringMatching(/^aliases\.lost\[0\] is nowhere/),
    ]);
  });
});
