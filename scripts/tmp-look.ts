// biome-ignore-all lint: scratch
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { draw } from "../src/illustrator/draw.ts";
import { launchBrowser, untilPicturesLoaded } from "../test/support/clients/browser.ts";

const OUT = "/tmp/look";
const only = process.argv[2] ? new RegExp(process.argv[2]) : /./;
const variants = (process.argv[3] ?? "desk-light-en,phone-dark-zh").split(",");
const ADMIN = "the-admin-key-of-these-screenshots";
const DAY = 86_400_000;
const { createGateway, GatewayError } = (await import(new URL("../dist/index.js", import.meta.url).href)) as any;
const model = (id: string, perImage: string, more = {}) => ({
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
  ...more,
});
async function* one(b: Uint8Array) {
  yield b;
}
const provider = {
  name: "studio",
  models: [
    model("lake-2", "0.12"),
    model("lake-2-mini", "0.035"),
    model("poster-1", "0.21", { hasSeed: false, backgrounds: ["AUTO"], qualities: ["AUTO", "HIGH"] }),
  ],
  async *generate({ prompt, n, size, seed }: any, signal: AbortSignal) {
    if (/refuse/.test(prompt)) throw new GatewayError("CONTENT_REJECTED", "x", { billed: "NO" });
    if (/broken/.test(prompt)) {
      yield {
        type: "image",
        index: 0,
        bytes: one(draw({ prompt, seed, index: 0, ...size, isTransparent: false, stage: "finish" } as any).png),
      };
      throw new GatewayError("UPSTREAM_FAILED", "x", { billed: "UNKNOWN" });
    }
    if (/slow/.test(prompt)) {
      for (let index = 0; index < Math.min(n, 6); index++)
        yield {
          type: "partial",
          index,
          partialIndex: 0,
          bytes: one(draw({ prompt, seed: 5, index, ...size, isTransparent: false, stage: "subjects" } as any).png),
        };
      await once(signal, "abort");
      signal.throwIfAborted();
    }
    for (let index = 0; index < n; index++)
      yield {
        type: "image",
        index,
        bytes: one(draw({ prompt, seed, index, ...size, isTransparent: false, stage: "finish" } as any).png),
      };
  },
  close: async () => {},
};
let ago = 0;
const dataDir = await mkdtemp(join(tmpdir(), "pictograph-look-"));
const gateway = await createGateway({
  dataDir,
  providers: [provider],
  defaultModel: "lake-2",
  adminKeys: [ADMIN],
  pages: true,
  now: () => new Date(Date.now() - ago),
});
const server = createServer(gateway.app).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as any).port}`;
const gql = async (query: string, variables: object = {}, key = ADMIN): Promise<any> => {
  const r = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await r.json()) as any;
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};
const GEN = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id images { id } } }";
const newProject = async (name: string, limitUsd: string) =>
  (
    await gql("mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }", {
      input: { name, limits: { budgets: [{ window: "MONTH", limitUsd }] } },
    })
  ).createProject.id;
const newKey = async (projectId: string, name: string) =>
  (
    await gql("mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }", {
      input: { projectId, name },
    })
  ).createApiKey.token;
ago = 30 * DAY;
for (const name of ["Night school", "Print room"]) await newProject(name, "60");
const projectId = await newProject("Harbour Shop", "40");
await newKey(projectId, "Old importer");
await newKey(projectId, "Newsletter");
const token = await newKey(projectId, "Web shop");
for (let day = 29; day > 0; day--) {
  ago = day * DAY;
  const w = new Date(Date.now() - ago).getUTCDay() % 6 === 0 ? 1 : 3;
  for (const [i, id] of ["lake-2", "lake-2-mini", "poster-1"].entries()) {
    const n = 1 + ((day * (i + 3)) % (w * (3 - i) + 1));
    await gql(GEN, { input: { prompt: "a leaf", size: "64x64", n, model: id } }, token);
  }
}
ago = 0;
await gql("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
  input: {
    id: projectId,
    limits: {
      budgets: [
        { window: "DAY", limitUsd: "9" },
        { window: "MONTH", limitUsd: "40" },
        { window: "TOTAL", limitImages: 1000 },
      ],
      requestsPerMinute: 100000,
    },
  },
});
const emptyProject = await newProject("Empty room", "5");
const emptyToken = await newKey(emptyProject, "First key");
const poor = await newProject("Poor", "0.05");
const poorToken = await newKey(poor, "Poor key");
const LONG =
  "A wide, painterly view of a small harbour town at dusk, seen from the water: low houses in ochre and faded red along a stone quay, fishing boats tied two deep, nets drying on poles, gulls over the fish market, one lit window in the chandler's shop, and behind the roofs a church tower that leans a little to the left; light rain, long reflections, muted colours, no people, no text, in the manner of a hand-printed linocut with visible gouges and slightly misregistered inks.";
const WALL = [
  { prompt: "a little house by a lake, autumn evening", size: "1536x1024", n: 2 },
  { prompt: "a tiny fox", size: "64x64", n: 2 },
  { prompt: "a panorama of the sea with a sailboat", size: "3840x1280", n: 1 },
  { prompt: "一只戴帽子的猫在海边看日落", size: "1536x1024", n: 2 },
  { prompt: LONG, size: "1024x1536", n: 1 },
  { prompt: "قارب صغير في البحر، غروب الشمس", size: "1536x1024", n: 1 },
  { prompt: "a tower, very tall", size: "512x1536", n: 1 },
  { prompt: "a red fox in a snowy forest at night", size: "1024x1024", n: 3 },
  { prompt: "a rocket among the stars", size: "1024x1536", n: 1 },
  { prompt: "a lighthouse in a storm", size: "1024x1024", n: 2 },
];
const ids: Record<string, string> = {};
for (const input of WALL.toReversed()) {
  const { generateImages } = await gql(GEN, { input: { ...input, seed: 5, model: "lake-2-mini" } }, token);
  ids[input.prompt.slice(0, 8)] = generateImages.images[0].id;
}
const fox = (
  await gql(`{ images(first: 50, filter: {search: "red fox"}) { nodes { id } } }`, {}, token)
).images.nodes.map((n: any) => n.id);
await gql("mutation ($id: ID!) { setFavorite(imageId: $id, isFavorite: true) { id } }", { id: fox[1] }, token);
for (const prompt of ["please refuse this one", "a broken bridge"])
  await gql(GEN, { input: { prompt, n: 2, size: "512x512" } }, token);
const edited = (
  await gql(
    "mutation ($input: EditImagesInput!) { editImages(input: $input) { images { id } } }",
    { input: { prompt: "the same at night", images: [{ id: fox[0] }], size: "1024x1024" } },
    token,
  )
).editImages.images[0].id;

const browser = await launchBrowser();
const SCENES: Record<string, { key: string | null; at?: string; path?: string; run?: (page: any) => Promise<void> }> = {
  gate: { key: null },
  empty: { key: emptyToken },
  emptyfav: { key: token, at: "#/?favourites=1&search=lake" },
  nosearch: { key: token, at: "#/?search=unicorns+everywhere" },
  wall: { key: token },
  wallbottom: {
    key: token,
    run: async (p) => {
      await p.evaluate("scrollTo(0, 700)");
      await p.waitForTimeout(600);
    },
  },
  grouped: { key: token, at: "#/?group=1" },
  failed: { key: token, at: "#/?show=failed" },
  hover: {
    key: token,
    run: async (p) => {
      await p.locator(".rows a").nth(4).hover();
    },
  },
  selecting: {
    key: token,
    run: async (p) => {
      await p.locator(".rows a").first().focus();
      await p.keyboard.press("x");
      await p.keyboard.press("ArrowRight");
      await p.keyboard.press("x");
    },
  },
  running: {
    key: token,
    run: async (p) => {
      await gql(
        GEN,
        { input: { prompt: "a slow owl in a forest", n: 10, size: "1024x1024", partialImages: 1, waitSeconds: 0 } },
        token,
      );
      await p.locator(".run .tile img").first().waitFor();
      await p.waitForTimeout(500);
    },
  },
  refusal: {
    key: token,
    run: async (p) => {
      await p.locator("#prompt").fill("refuse this, please");
      await p.keyboard.press("Control+Enter");
      await p.getByRole("alert").waitFor();
    },
  },
  broken: {
    key: token,
    run: async (p) => {
      await p.locator("#prompt").fill("a broken bridge over a river");
      await p.keyboard.press("Control+Enter");
      await p.getByRole("alert").waitFor();
    },
  },
  poor: {
    key: poorToken,
    run: async (p) => {
      await p.getByRole("alert").waitFor();
    },
  },
  longprompt: {
    key: token,
    run: async (p) => {
      await p.locator("#prompt").fill(LONG + "\n\n" + LONG);
    },
  },
  sheetsize: {
    key: token,
    run: async (p) => {
      const b = p.locator(".dock .row button:visible[aria-haspopup=dialog]");
      await b.nth((await b.count()) > 3 ? 1 : 0).click();
      await p.waitForTimeout(400);
    },
  },
  sheetmodel: {
    key: token,
    run: async (p) => {
      const b = p.locator(".dock .row button:visible[aria-haspopup=dialog]");
      await b.nth(0).click();
      await p.waitForTimeout(600);
    },
  },
  sheetmore: {
    key: token,
    run: async (p) => {
      const b = p.locator(".dock .row button:visible[aria-haspopup=dialog]");
      await b.last().click();
      await p.waitForTimeout(400);
    },
  },
  menu: {
    key: token,
    run: async (p) => {
      await p.locator("header button[aria-haspopup], .top button[aria-expanded]").last().click();
      await p.waitForTimeout(300);
    },
  },
  filtertime: {
    key: token,
    run: async (p) => {
      const b = p.locator(".filters button:visible, .filter button:visible");
      await b
        .nth(1)
        .click()
        .catch(() => {});
      await p.waitForTimeout(300);
    },
  },
  keys: {
    key: token,
    run: async (p) => {
      await p.keyboard.press("?");
    },
  },
  image: { key: token, at: `#/image/${fox[0]}` },
  imagelong: { key: token, at: `#/image/${ids["A wide, "]}` },
  imagetiny: { key: token, at: `#/image/${ids["a tiny f"]}` },
  imagewide: { key: token, at: `#/image/${ids["a panora"]}` },
  imagertl: { key: token, at: `#/image/${ids["قارب صغي"]}` },
  imagezh: { key: token, at: `#/image/${ids["一只戴帽子的猫在"]}` },
  imagesizes: {
    key: token,
    at: `#/image/${fox[0]}`,
    run: async (p) => {
      await p.locator("#tab-sizes").click();
      await p.waitForTimeout(300);
    },
  },
  imagecode: {
    key: token,
    at: `#/image/${fox[0]}`,
    run: async (p) => {
      await p.locator("#tab-code").click();
      await p.waitForTimeout(300);
    },
  },
  imageedited: { key: token, at: `#/image/${edited}` },
  imagegone: { key: token, at: "#/image/img_nothing" },
  compare: { key: token, at: `#/compare/${fox.slice(0, 3).join("/")}/${ids["a panora"]}` },
  compare2: { key: token, at: `#/compare/${fox[0]}/${ids["a rocket"]}` },
  compareadd: {
    key: token,
    at: `#/compare/${fox[0]}`,
    run: async (p) => {
      await p.locator(".stage-bar button[aria-haspopup]").click();
      await p.waitForTimeout(400);
    },
  },
  editempty: { key: token, at: "#/edit" },
  edit: { key: token, at: `#/edit/${ids["a little"]}`, run: paint },
  edittiny: {
    key: token,
    at: `#/edit/${ids["a tiny f"]}`,
    run: async (p) => {
      await p.waitForTimeout(400);
    },
  },
  editwide: {
    key: token,
    at: `#/edit/${ids["a panora"]}/${fox[0]}/${fox[1]}`,
    run: async (p) => {
      await p.waitForTimeout(400);
    },
  },
  editresult: {
    key: token,
    at: `#/edit/${ids["a little"]}`,
    run: async (p) => {
      await paint(p);
      await p.keyboard.press("Control+Enter");
      await p.locator(".ba").waitFor();
      await p.waitForTimeout(600);
    },
  },
  editrefused: {
    key: token,
    at: `#/edit/${fox[0]}`,
    run: async (p) => {
      await p.locator(".paint-stage").waitFor();
      await p.locator("#prompt").fill("refuse that");
      await p.locator("#prompt").press("Control+Enter");
      await p.getByRole("alert").waitFor();
    },
  },
  usage: {
    key: token,
    at: "#/admin",
    run: async (p) => {
      await p.waitForTimeout(500);
    },
  },
  usageempty: {
    key: emptyToken,
    at: "#/admin",
    run: async (p) => {
      await p.waitForTimeout(500);
    },
  },
  admin: {
    key: ADMIN,
    at: `#/admin/${projectId}`,
    run: async (p) => {
      await p.locator(".keys-table").waitFor();
      await p.waitForTimeout(500);
    },
  },
  adminbottom: {
    key: ADMIN,
    at: `#/admin/${projectId}`,
    run: async (p) => {
      await p.locator(".keys-table").waitFor();
      await p.evaluate("scrollTo(0, 9999)");
      await p.waitForTimeout(500);
    },
  },
  adminempty: {
    key: ADMIN,
    at: `#/admin/${emptyProject}`,
    run: async (p) => {
      await p.locator(".keys-table").waitFor();
      await p.waitForTimeout(500);
    },
  },
  adminlimits: {
    key: ADMIN,
    at: `#/admin/${projectId}`,
    run: async (p) => {
      await p.locator(".keys-table").waitFor();
      await p.locator("header.head button").last().click();
      await p.getByRole("dialog").waitFor();
    },
  },
  admintoken: {
    key: ADMIN,
    at: `#/admin/${projectId}`,
    run: async (p) => {
      await p.locator(".keys-table").waitFor();
      await p.locator(".keys-card header button, section:has(.keys-table) header button").first().click();
      await p.getByRole("dialog").waitFor();
      await p.getByRole("dialog").locator("input").first().fill("Kiosk");
      await p.keyboard.press("Enter");
      await p.locator("dialog .mono, dialog code").first().waitFor();
    },
  },
  docs: {
    key: null,
    path: "/docs",
    run: async (p) => {
      await p.locator(".opblock").first().waitFor();
    },
  },
  docsopen: {
    key: null,
    path: "/docs",
    run: async (p) => {
      await p.locator(".opblock-summary").first().click();
      await p.waitForTimeout(800);
    },
  },
  graphiql: {
    key: null,
    path: "/graphiql",
    run: async (p) => {
      await p.waitForTimeout(1500);
    },
  },
};
async function paint(page: any) {
  const paper = page.locator(".paint-stage .paper");
  await paper.locator("img").waitFor();
  await page.waitForTimeout(300);
  const box = await paper.boundingBox();
  const { mouse } = page;
  for (const [from, to, h] of [
    [0.3, 0.62, 0.16],
    [0.58, 0.34, 0.24],
    [0.38, 0.54, 0.31],
  ] as const) {
    await mouse.move(box.x + box.width * from, box.y + box.height * h);
    await mouse.down();
    await mouse.move(box.x + box.width * to, box.y + box.height * h, { steps: 8 });
    await mouse.up();
  }
  await page.locator("#prompt").fill("a hot air balloon in the sky");
  await page.locator(".btn.go .price").filter({ hasText: "$" }).waitFor();
}
await mkdir(OUT, { recursive: true });
try {
  for (const variant of variants) {
    const [size, colorScheme, lang] = variant.split("-") as any;
    for (const [name, scene] of Object.entries(SCENES)) {
      if (!only.test(name)) continue;
      const context = await browser.newContext({
        viewport: size === "desk" ? { width: 1440, height: 900 } : { width: 390, height: 844 },
        colorScheme,
        locale: lang === "zh" ? "zh-CN" : "en-GB",
        hasTouch: size === "phone",
      });
      const page = await context.newPage();
      page.setDefaultTimeout(8000);
      page.on(
        "console",
        (m: any) => m.type() === "error" && !/401/.test(m.text()) && console.error(name, variant, m.text()),
      );
      try {
        await page.goto(`${url}${scene.path ?? "/"}${scene.at ?? ""}`);
        if (scene.key) {
          await page.locator("#key").fill(scene.key);
          await page.locator("#key").press("Enter");
          await page.locator("main:not(.gate):not([aria-busy])").first().waitFor();
          if (!scene.at?.startsWith("#/admin"))
            await page
              .locator(".btn.go .price:not(:has-text('…')), .panel, .compare, .notice")
              .first()
              .waitFor()
              .catch(() => {});
        } else if (!scene.path) await page.locator("#key").waitFor();
        await untilPicturesLoaded(page);
        await scene.run?.(page);
        await untilPicturesLoaded(page);
        await page.mouse.move(0, 0).catch(() => {});
        if (name === "hover") await page.locator(".rows a").nth(4).hover();
        const overflow = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        if (overflow) console.error(name, variant, "OVERFLOW", overflow);
        await page.screenshot({ path: `${OUT}/${name}-${variant}.png`, animations: "disabled" });
      } catch (error) {
        console.error(name, variant, String(error).slice(0, 300));
        await page.screenshot({ path: `${OUT}/${name}-${variant}-FAIL.png` }).catch(() => {});
      }
      await context.close();
      for (const status of ["RUNNING", "QUEUED"])
        for (const { id } of (await gql(`{ generations(first: 20, status: ${status}) { nodes { id } } }`)).generations
          .nodes)
          await gql("mutation ($id: ID!) { cancelGeneration(id: $id) { id } }", { id });
    }
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
  await gateway.close();
  await rm(dataDir, { recursive: true, force: true });
}
