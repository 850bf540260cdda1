/**
 * Takes the screenshots of the studio in docs/pictures: `npm run studio-pictures`. It starts a gateway of its own, in
 * which the illustrator draws under the names of models that cost something, and opens the pages in a real Chromium.
 */
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import sharp from "sharp";
import { draw } from "../src/illustrator/draw.ts";
import type { ImageProvider, ModelDescription } from "../src/ports/image-provider.ts";
import { launchBrowser, untilPicturesLoaded } from "../test/support/clients/browser.ts";

const OUTPUT = process.argv[2] ?? fileURLToPath(new URL("../docs/pictures/studio", import.meta.url));
const ADMIN_KEY = "the-admin-key-of-these-screenshots";
const DAY_MS = 86_400_000;
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
/** More pixels than the page has, because most screens have more. */
const SCALE = 1.5;

const PRICES = { "lake-2": "0.12", "lake-2-mini": "0.035", "poster-1": "0.21" } as const;

const WALL = [
  { prompt: "a little house by a lake, autumn evening", size: "1536x1024", n: 2 },
  { prompt: "a red fox in a snowy forest at night", size: "1024x1024", n: 3 },
  { prompt: "a hot air balloon over mountains at sunrise", size: "1024x1536", n: 1 },
  { prompt: "一只戴帽子的猫在海边看日落", size: "1536x1024", n: 2 },
  { prompt: "a blue car in a rainy city", size: "1024x1024", n: 1 },
  { prompt: "a sailboat on the sea under a rainbow", size: "1920x1080", n: 2 },
  { prompt: "a rocket among the stars", size: "1024x1536", n: 1 },
  { prompt: "قارب صغير في البحر", size: "1536x1024", n: 1 },
  { prompt: "a lighthouse in a storm", size: "1024x1024", n: 2 },
];

/** What is painted in the editor: from and to, and how far down, as shares of the picture. */
const STROKES = [
  [0.3, 0.62, 0.16],
  [0.58, 0.34, 0.24],
  [0.38, 0.54, 0.31],
] as const;

/** Is shown while it runs: the provider never ends it. */
const SLOW = { prompt: "an owl in a forest at night", n: 4, size: "1024x1024", partialImages: 1, waitSeconds: 0 };
const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";

function model(id: string, perImage: string): ModelDescription {
  return {
    id,
    provider: "studio",
    operations: ["GENERATE", "EDIT"],
    maxImages: 10,
    sizes: { kind: "bounds", multipleOf: 1, minSide: 64, maxLongSide: 3840, minPixels: 4096, maxPixels: 3840 * 3840 },
    formats: ["PNG"],
    qualities: ["AUTO", "LOW", "MEDIUM", "HIGH"],
    backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"],
    hasSeed: true,
    maxPromptLength: 32_000,
    previews: { maxPartialImages: 3, maxImages: 10 },
    prices: [{ from: "2022-01-01", source: "an example", perImage }],
  };
}

async function* bytesOf(png: Uint8Array): AsyncIterable<Uint8Array> {
  yield png;
}

/** Draws, and never ends what is to be shown as running. */
const provider: ImageProvider = {
  name: "studio",
  models: Object.entries(PRICES).map(([id, perImage]) => model(id, perImage)),
  async *generate({ prompt, n, size, seed }, signal) {
    if (prompt === SLOW.prompt) {
      for (let index = 0; index < n; index++) {
        const { png } = draw({ prompt, seed: 5, index, ...size, isTransparent: false, stage: "subjects" });
        yield { type: "partial", index, partialIndex: 0, bytes: bytesOf(png) };
      }
      await once(signal, "abort");
      signal.throwIfAborted();
    }
    for (let index = 0; index < n; index++) {
      const drawing = { prompt, seed, index, ...size, isTransparent: false } as const;
      yield { type: "image", index, bytes: bytesOf(draw({ ...drawing, stage: "finish" }).png) };
    }
  },
  close: async () => {},
};

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each operation has an answer of its own
  readonly data: any;
  readonly errors?: readonly object[];
}

/** How long ago the gateway takes now to be, so that its usage covers a month. */
let agoMs = 0;

const { createGateway } = (await import(
  new URL("../dist/index.js", import.meta.url).href
)) as typeof import("../src/index.ts");
const dataDir = await mkdtemp(join(tmpdir(), "pictograph-pictures-"));
const gateway = await createGateway({
  dataDir,
  providers: [provider],
  defaultModel: "lake-2",
  adminKeys: [ADMIN_KEY],
  pages: true,
  now: () => new Date(Date.now() - agoMs),
});
const server = createServer(gateway.app).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
await using browser = await launchBrowser();
try {
  const { token, projectId } = await fill();
  await mkdir(OUTPUT, { recursive: true });
  const { images } = await graphql("{ images(first: 20) { nodes { id generation { prompt } } } }", {}, token);
  const fox = images.nodes.find(({ generation }: { generation: { prompt: string } }) =>
    generation.prompt.startsWith("a red fox"),
  );
  /** Lets a generation run before the screenshot: a preview is shown to those who are there when it comes. */
  const develop = async (page: Page) => {
    await page.locator(".wall a img, .keys-table").first().waitFor();
    await graphql(GENERATE, { input: SLOW }, token);
    await page.locator(".run .tile:nth-child(4) img, .runs img").first().waitFor();
    // It points at a picture since it pressed "Open".
    await page.mouse.move(0, 0);
  };
  await take("create", "", token, { viewport: DESK }, develop);
  await take("picture", `#/image/${fox.id}`, token, { viewport: DESK, colorScheme: "dark" }, (page) =>
    page.locator(".thumbs img").first().waitFor(),
  );
  const lake = images.nodes.find(({ generation }: { generation: { prompt: string } }) =>
    generation.prompt.startsWith("a little house"),
  );
  await take("edit", `#/edit/${lake.id}`, token, { viewport: DESK }, paint);
  await take("admin", `#/admin/${projectId}`, ADMIN_KEY, { viewport: DESK }, develop);
  await take("phone", "", token, { viewport: PHONE, colorScheme: "dark" }, develop);
} finally {
  server.closeAllConnections();
  server.close();
  await gateway.close();
  await rm(dataDir, { recursive: true, force: true });
}

/** Paints over the sky, and says what is to be there. */
async function paint(page: Page): Promise<void> {
  const paper = page.locator(".paint-stage .paper");
  await paper.locator("img").waitFor();
  const box = await paper.boundingBox();
  if (!box) throw new Error("the picture is not shown");
  const { mouse } = page;
  for (const [from, to, height] of STROKES) {
    await mouse.move(box.x + box.width * from, box.y + box.height * height);
    await mouse.down();
    await mouse.move(box.x + box.width * to, box.y + box.height * height, { steps: 12 });
    await mouse.up();
  }
  await page.getByRole("textbox", { name: "Prompt" }).fill("a hot air balloon in the sky");
  await page.locator(".btn.go .price").filter({ hasText: "$" }).waitFor();
}

async function graphql(query: string, variables: object, key = ADMIN_KEY): Promise<Answer["data"]> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as Answer;
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Makes projects, keys, a month of usage and a wall of pictures. */
async function fill(): Promise<{ readonly token: string; readonly projectId: string }> {
  agoMs = 30 * DAY_MS;
  const create = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }";
  const newProject = async (name: string, limitUsd: string) =>
    (await graphql(create, { input: { name, limits: { budgets: [{ window: "MONTH", limitUsd }] } } })).createProject.id;
  for (const name of ["Night school", "Print room", "Field Notes"]) await newProject(name, "60");
  const projectId = await newProject("Harbour Shop", "40");
  const newKey = async (name: string) => {
    const query = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }";
    return (await graphql(query, { input: { projectId, name } })).createApiKey.token;
  };
  await newKey("Old importer");
  await newKey("Newsletter");
  const token = await newKey("Web shop");
  for (let day = 29; day > 0; day--) {
    agoMs = day * DAY_MS;
    const weekday = new Date(Date.now() - agoMs).getUTCDay() % 6 === 0 ? 1 : 3;
    for (const [index, id] of Object.keys(PRICES).entries()) {
      const n = 1 + ((day * (index + 3)) % (weekday * (3 - index) + 1));
      await graphql(GENERATE, { input: { prompt: "a leaf", size: "64x64", n, model: id } }, token);
    }
  }
  agoMs = 0;
  await graphql("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
    input: {
      id: projectId,
      limits: {
        budgets: [
          { window: "DAY", limitUsd: "6" },
          { window: "MONTH", limitUsd: "40" },
          { window: "TOTAL", limitImages: 1000 },
        ],
      },
    },
  });
  for (const input of WALL.toReversed()) {
    await graphql(GENERATE, { input: { ...input, seed: 5, model: "lake-2" } }, token);
  }
  return { token, projectId };
}

/**
 * Takes one screenshot, with the key entered as people do. What runs then is canceled.
 *
 * @param wait returns when the page shows what it should
 */
async function take(
  name: string,
  place: string,
  key: string,
  options: BrowserContextOptions,
  wait: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ ...options, deviceScaleFactor: SCALE, locale: "en-GB" });
  const page: Page = await context.newPage();
  await page.goto(`${url}/${place}`);
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Open" }).click();
  await wait(page);
  await untilPicturesLoaded(page);
  const png = await page.screenshot({ animations: "disabled" });
  await sharp(png)
    .webp({ quality: 72, effort: 6 })
    .toFile(join(OUTPUT, `${name}.webp`));
  await context.close();
  const { generations } = await graphql("{ generations(first: 5, status: RUNNING) { nodes { id } } }", {});
  for (const { id } of generations.nodes)
    await graphql("mutation ($id: ID!) { cancelGeneration(id: $id) { id } }", { id });
}
