import { open } from "node:fs/promises";
import { z } from "zod";
import { type AiSdkModel, MINIMAL_EDITS } from "../adapters/ai-sdk/ai-sdk.ts";
import { StartError } from "../errors.ts";
import {
  BACKGROUNDS,
  type Edits,
  IMAGE_FORMATS,
  type ModelDescription,
  OPERATIONS,
  type PixelSize,
  QUALITIES,
  SOURCE_FORMATS,
} from "../ports/image-provider.ts";
import { isUsd } from "../ports/projects/money.ts";
import { MAX_EDIT_IMAGE_BYTES, MAX_EDIT_IMAGES } from "../service/edits/edit-intake.ts";
import { MAX_PARTIAL_IMAGES } from "../service/generations/generation-input.ts";
import type { OperatorModels } from "../service/models/model-catalogue.ts";

/** The largest file that is accepted, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** The content of the operator's file `PICTOGRAPH_MODELS_FILE`, which docs/models.md describes. */
export interface ModelsFile extends OperatorModels {
  /** The models that are called through packages of the Vercel AI SDK. */
  readonly aiSdk: readonly AiSdkModel[];
}

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/, "must be a model's name");
const side = z.int().min(1).max(100_000);
const day = z.iso.date("must be a day, YYYY-MM-DD");
const usd = z.string().refine(isUsd, 'must be US dollars as a decimal string, such as "0.04"');
const size = z
  .string()
  .regex(/^[1-9]\d{1,4}x[1-9]\d{1,4}$/, 'must be "WIDTHxHEIGHT"')
  .transform((text): PixelSize => {
    const [width = 0, height = 0] = text.split("x").map(Number);
    return { width, height };
  });
const sizes = z.union([
  z
    .array(size)
    .min(1)
    .max(100)
    .transform((list) => ({ kind: "list" as const, sizes: list })),
  z
    .strictObject({ multipleOf: side, minSide: side, maxLongSide: side, minPixels: z.int().min(1), maxPixels: z.int() })
    .refine(({ minPixels, maxPixels }) => minPixels <= maxPixels, "minPixels must not exceed maxPixels")
    .refine(({ minSide, maxLongSide }) => minSide <= maxLongSide, "minSide must not exceed maxLongSide")
    .transform((bounds) => ({ kind: "bounds" as const, ...bounds })),
]);
const price = z
  .strictObject({
    from: day,
    source: z.string().min(1).max(1000),
    perImage: usd.optional(),
    perMillionTokens: z
      .strictObject({
        textInput: usd.optional(),
        imageInput: usd.optional(),
        textOutput: usd.optional(),
        imageOutput: usd.optional(),
      })
      .optional(),
  })
  .refine(({ perImage, perMillionTokens }) => perImage ?? perMillionTokens, "needs perImage or perMillionTokens");
const words = <Word extends string>(list: readonly Word[]) => z.array(z.enum(list)).min(1);
const abilities = {
  maxImages: z.int().min(1).max(10).optional(),
  sizes: sizes.optional(),
  formats: words(IMAGE_FORMATS).optional(),
  qualities: words(QUALITIES).optional(),
  backgrounds: words(BACKGROUNDS).optional(),
  hasSeed: z.boolean().optional(),
  maxPromptLength: z.int().min(1).max(1_000_000).optional(),
  shutdownDate: day.optional(),
  replacement: name.optional(),
  mayChangePriceClass: z.boolean().optional(),
  priceClass: z.string().min(1).max(100).optional(),
  prices: z
    .array(price)
    .refine((prices) => new Set(prices.map(({ from }) => from)).size === prices.length, "two begin on the same day")
    .optional(),
};
const operations = words(OPERATIONS).optional();
/** Creates the schema of `edits`. The parameter holds the defaults of absent properties. */
const editsLike = ({ maxInputImages, maxInputBytes, inputFormats, hasMask }: Edits) =>
  z
    .strictObject({
      maxInputImages: z.int().min(1).max(MAX_EDIT_IMAGES).default(maxInputImages),
      maxInputBytes: z.int().min(1).max(MAX_EDIT_IMAGE_BYTES).default(maxInputBytes),
      inputFormats: words(SOURCE_FORMATS).default(SOURCE_FORMATS.filter((format) => inputFormats.includes(format))),
      hasMask: z.boolean().default(hasMask),
    })
    .optional();
const ALL_EDITS: Edits = {
  maxInputImages: MAX_EDIT_IMAGES,
  maxInputBytes: MAX_EDIT_IMAGE_BYTES,
  inputFormats: SOURCE_FORMATS,
  hasMask: true,
};
const previews = z
  .strictObject({ maxPartialImages: z.int().min(0).max(MAX_PARTIAL_IMAGES), maxImages: z.int().min(1).max(10) })
  .optional();
const model = z.union([
  z.strictObject({
    ...abilities,
    operations,
    edits: editsLike(MINIMAL_EDITS),
    provider: z.literal("ai-sdk"),
    package: z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9._-]+$/, "must be the name of an npm package"),
    model: z.string().min(1).max(200),
    factory: z
      .string()
      .regex(/^create\w+$/)
      .optional(),
    settings: z.record(z.string(), z.json()).optional(),
    providerOptions: z.record(z.string(), z.record(z.string(), z.json())).optional(),
    asksFor: z.enum(["size", "aspectRatio"]).optional(),
  }),
  z.strictObject({
    ...abilities,
    operations,
    edits: editsLike(ALL_EDITS),
    previews,
    provider: z.string().min(1).max(100).optional(),
  }),
]);
const file = z.strictObject({
  models: z.record(name, z.unknown()).optional(),
  aliases: z.record(name, z.union([name.transform((one) => [one]), z.array(name).min(1).max(10)])).optional(),
});

/** Reads and checks the file. @throws StartError naming every problem with its place in the file */
export async function readModelsFile(path: string): Promise<ModelsFile> {
  const content = await readJson(path);
  const read = file.safeParse(content);
  const problems = read.error ? problemsOf(read.error, []) : [];
  const models = new Map<string, Partial<ModelDescription>>();
  const aiSdk: AiSdkModel[] = [];
  for (const [id, value] of Object.entries((content as { readonly models?: object } | null)?.models ?? {})) {
    const isAiSdk = (value as { readonly provider?: unknown } | null)?.provider === "ai-sdk";
    const entry = model.options[isAiSdk ? 0 : 1].safeParse(value);
    if (entry.error) problems.push(...problemsOf(entry.error, ["models", id]));
    if (!entry.data) continue;
    const {
      package: _p,
      model: _m,
      factory: _f,
      settings: _s,
      providerOptions: _o,
      asksFor: _a,
      ...rest
    } = {
      package: undefined,
      model: undefined,
      factory: undefined,
      settings: undefined,
      providerOptions: undefined,
      asksFor: undefined,
      ...entry.data,
    };
    // An operator who names a replacement has accepted its price class, unless the file says otherwise.
    const changes = {
      ...rest,
      ...(rest.replacement !== undefined && { mayChangePriceClass: rest.mayChangePriceClass ?? true }),
    };
    models.set(id, changes as Partial<ModelDescription>);
    if ("package" in entry.data) aiSdk.push({ ...entry.data, changes: models.get(id) ?? {}, id } as AiSdkModel);
  }
  if (problems.length > 0) throw new StartError(problems.map((problem) => `${path}: ${problem}`));
  return { models, aliases: new Map(Object.entries(read.data?.aliases ?? {})), aiSdk };
}

async function readJson(path: string): Promise<unknown> {
  const wrong = (what: string, cause?: unknown) =>
    new StartError([`PICTOGRAPH_MODELS_FILE ${path} ${what}`], { cause });
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`, error);
  });
  try {
    const about = await handle.stat();
    if (!about.isFile()) throw wrong("is not a file");
    if (about.size > MAX_BYTES) throw wrong(`is longer than ${MAX_BYTES} bytes`);
    const text = await handle.readFile("utf8");
    const content: unknown = JSON.parse(text);
    const twice = namesGivenTwice(text);
    if (twice.length > 0) throw new StartError(twice.map((name) => `${path}: ${name} is given twice; remove one`));
    return content;
  } catch (error) {
    throw error instanceof StartError ? error : wrong("is not JSON", error);
  } finally {
    await handle.close();
  }
}

/** Finds repeated names, of which `JSON.parse` silently uses the last. @param text valid JSON */
function namesGivenTwice(text: string): string[] {
  const twice: string[] = [];
  const open: { readonly names: Set<string>; place: string }[] = [];
  for (const [token, isName] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push({ names: new Set(), place: open.at(-1)?.place ?? "" });
    if (token === "}") open.pop();
    const object = open.at(-1);
    if (!object || isName === undefined) continue;
    const name: string = JSON.parse(token.slice(0, -isName.length));
    const parent = open.at(-2)?.place;
    object.place = parent ? `${parent}.${name}` : name;
    if (object.names.has(name)) twice.push(object.place);
    object.names.add(name);
  }
  return twice;
}

function problemsOf({ issues }: z.core.$ZodError, place: readonly PropertyKey[]): string[] {
  return issues.map(({ path, message }) => {
    const where = [...place, ...path].map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
    return where ? `${where.slice(1)}: ${message}` : message;
  });
}
