import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { GatewayError } from "../../src/errors.ts";
import { Lifecycle } from "../../src/lifecycle.ts";
import type { ImageProvider } from "../../src/ports/image-provider.ts";
import { NO_TRACES } from "../../src/ports/traces.ts";
import { readModelsFile } from "../../src/wiring/models-file.ts";
import { createProviders } from "../../src/wiring/open-providers.ts";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { type StrictVendor, startStrictVendor } from "../support/vendors/strict-vendor.ts";
import { VENDOR_RULES } from "../support/vendors/vendor-rules.ts";

/** A block of the models file. The tests change only URLs and keys. */
interface Block {
  readonly providers: Readonly<
    Record<string, { keyVariable?: string; baseUrl?: string; kind: string; settings?: Record<string, unknown> }>
  >;
  readonly models: Readonly<Record<string, { readonly operations?: readonly string[] }>>;
}

/** A row of a table of refusals. */
interface Row {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly code: string;
  readonly billed: string;
  readonly wait: number | undefined;
}

/** The path of each vendor's API below its host. */
const PATHS: Readonly<Record<string, string>> = {
  google: "/v1beta",
  azure: "/openai/v1",
  bedrock: "",
  xai: "/v1",
  fal: "",
  openrouter: "/api/v1",
  local: "/v1",
};

const text = await readFile("docs/vendors.md", "utf8");
const sections = text.split(/^## /m).slice(1);
const vendors = sections.map((section) => {
  const block = JSON.parse(/```json\n(.*?)```/s.exec(section)?.[1] ?? "") as Block;
  const rows = [...section.matchAll(/^\| (\d{3})(.*?) \| `(.*?)` \| `(\w+)`(.*?) \|$/gm)].map(toRow);
  return { name: Object.keys(block.providers)[0] ?? "", block, rows };
});

function toRow([, status = "", header = "", body = "", code = "", notes = ""]: RegExpExecArray): Row {
  const [, name, value] = /`([\w-]+): (.+)`/.exec(header) ?? [];
  return {
    status: Number(status),
    headers: name === undefined ? {} : { [name]: value ?? "" },
    body,
    code,
    billed: /billed `(\w+)`/.exec(notes)?.[1] ?? "NO",
    wait: notes.includes("wait ") ? Number(/wait (\d+)/.exec(notes)?.[1]) : undefined,
  };
}

const newDirectory = temporaryDirectories();

test("every vendor on the page is tested, and every table is read", () => {
  expect(vendors.map(({ name }) => name)).toEqual(Object.keys(VENDOR_RULES));
  const lines = text.match(/^\| \d{3}.*$/gm) ?? [];
  expect(vendors.reduce((count, { rows }) => count + rows.length, 0)).toBe(lines.length);
});

describe.each(vendors)("$name", ({ name, block, rows }) => {
  let vendor: StrictVendor;
  let modelsFile: string;
  const variables: string[] = [];

  beforeAll(async () => {
    const [provider] = Object.values(block.providers);
    const key = provider?.keyVariable === undefined ? undefined : "key-of-the-test";
    const rules = VENDOR_RULES[name];
    if (!rules || !provider) throw new Error(`no rules for ${name}`);
    vendor = await startStrictVendor(rules, key);
    const address = `${vendor.origin}${PATHS[name]}`;
    const local =
      provider.kind === "openai"
        ? { ...provider, baseUrl: address }
        : { ...provider, settings: { ...provider.settings, baseURL: address } };
    modelsFile = join(await newDirectory(), "models.json");
    await writeFile(modelsFile, JSON.stringify({ ...block, providers: { [name]: local } }));
    if (provider.keyVariable !== undefined) {
      process.env[provider.keyVariable] = key;
      variables.push(provider.keyVariable);
    }
  });

  afterAll(async () => {
    await vendor.close();
    for (const variable of variables) delete process.env[variable];
  });

  describe("in a gateway", () => {
    let gateway: RunningGateway;
    beforeAll(async () => {
      gateway = await startGateway({ modelsFile, defaultModel: Object.keys(block.models)[0] ?? "" });
    });
    afterAll(() => gateway.close());

    const source = async (): Promise<string> => {
      const input = { prompt: "a source", model: "illustrator-1", size: "512x512" };
      return (await run("generateImages", "GenerateImagesInput", input)).images[0].id;
    };
    const run = async (field: string, type: string, input: object) => {
      const { body } = await gateway.graphql(
        `mutation ($input: ${type}!) { ${field}(input: $input) {
          status generatedSize cost costIsEstimated failure { code message } warnings { code message }
          images { id width height } model { maxImages price { perImage } }
        } }`,
        { input },
      );
      expect(body.errors).toBeUndefined();
      return body.data[field];
    };
    const abilitiesOf = async (model: string) => {
      const { body } = await gateway.graphql(
        "{ models { id operations sizes sizeBounds { maxLongSide } maxImages maxInputImages } }",
      );
      return body.data.models.find(({ id }: { id: string }) => id === model);
    };

    test.each(Object.keys(block.models))("%s makes every size of the block, each exactly", async (model) => {
      const { operations, sizes } = await abilitiesOf(model);
      if (!operations.includes("GENERATE")) return;
      const asked: string[] = sizes.length > 0 ? sizes : ["1024x1024"];
      for (const size of [...asked, "1000x700"]) {
        const made = await run("generateImages", "GenerateImagesInput", { prompt: "a fox", model, size });
        expect(made).toMatchObject({ status: "SUCCEEDED", warnings: [] });
        const [width, height] = size.split("x").map(Number);
        expect(made.images).toEqual([expect.objectContaining({ width, height })]);
        // xAI publishes no sizes in pixels.
        if (size !== "1000x700" && name !== "xai") expect(made.generatedSize).toBe(size);
        const { perImage } = made.model.price;
        if (perImage !== null) expect(Number(made.cost)).toBe(Number(perImage));
      }
      expect(vendor.problems).toEqual([]);
    });

    test.each(Object.keys(block.models))("%s makes several images and edits as the block says", async (model) => {
      const { operations, maxImages, maxInputImages } = await abilitiesOf(model);
      if (operations.includes("GENERATE")) {
        const n = Math.min(3, maxImages);
        const made = await run("generateImages", "GenerateImagesInput", { prompt: "a fox", model, n });
        expect(made).toMatchObject({ status: "SUCCEEDED", warnings: [] });
        expect(made.images).toHaveLength(n);
      }
      if (operations.includes("EDIT")) {
        const id = await source();
        for (const count of [1, Math.min(2, maxInputImages)]) {
          const images = Array.from({ length: count }, () => ({ id }));
          const edited = await run("editImages", "EditImagesInput", { prompt: "bluer", model, images });
          expect(edited).toMatchObject({ status: "SUCCEEDED", warnings: [], images: [{ width: 512, height: 512 }] });
        }
      }
      expect(vendor.problems).toEqual([]);
    });
  });

  describe("when it refuses", () => {
    const lifecycle = new Lifecycle(pino({ enabled: false }));
    let provider: ImageProvider;
    beforeAll(async () => {
      const illustrator = { decode: () => Promise.reject(new Error("nothing is edited")) };
      const models = await readModelsFile(modelsFile);
      const all = await createProviders(readConfig({}), models, illustrator, NO_TRACES, lifecycle);
      provider = all.find((candidate) => candidate.name === name) as ImageProvider;
    });
    afterEach(() => {
      vendor.refusal = undefined;
    });
    afterAll(() => lifecycle.close());

    test.each(rows)("$status $body is $code", async ({ status, headers, body, code, billed, wait }) => {
      vendor.refusal = { status, headers, body };
      const [model] = provider.models;
      const request = {
        model: model?.id ?? "",
        prompt: "a fox",
        n: 1,
        size: { width: 1024, height: 1024 },
        quality: "AUTO",
        format: "PNG",
        background: "AUTO",
        partialImages: 0,
      } as const;
      const read = Array.fromAsync(provider.generate(request, new AbortController().signal));
      const error = await read.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(GatewayError);
      const { details } = error as GatewayError;
      expect({ code: (error as GatewayError).code, billed: details.billed, wait: details.retryAfterSeconds }).toEqual({
        code,
        billed,
        wait,
      });
    });
  });
});
