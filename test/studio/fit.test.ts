import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import type { PageName } from "../../studio/app/page-names.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR, holdCalls } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { expectAccessible, openStudio, until } from "../support/studio.ts";

const PROMPTS = [
  "قارب صغير في البحر، غروب الشمس",
  "樱花树下的古塔，水墨画",
  `${"a_very_long_word".repeat(20)} and more`,
];
const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";

/** A small phone, a desk whose browser enlarges everything to 200 %, and a desk; each theme and language with two. */
const FORMS = [
  [
    "on a small phone, light, English",
    { viewport: { width: 360, height: 740 }, colorScheme: "light", locale: "en-GB" },
  ],
  ["on a small phone, dark, Chinese", { viewport: { width: 360, height: 740 }, colorScheme: "dark", locale: "zh-CN" }],
  ["enlarged to 200 %, dark, English", { viewport: { width: 720, height: 450 }, colorScheme: "dark", locale: "en-GB" }],
  ["on a desk, light, Chinese", { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "zh-CN" }],
] as const;

let browser: Browser;
let gateway: KeyedGateway;
let ids: string[];

beforeAll(async () => {
  browser = await launchBrowser();
  gateway = await startKeyedGateway({}, [
    { ...ANY_SIZE_EDITOR, prices: [{ from: "2026-01-01", source: "a test", perImage: "0.1" }] },
  ]);
  const budgets = [{ window: "DAY", limitUsd: "1" }];
  await gateway.admin("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
    input: { id: "proj_public", name: "A project with a rather long name for its place", limits: { budgets } },
  });
  await gateway.createKey("proj_public", { name: "A key with a rather long name for its place" });
  ids = [];
  for (const prompt of PROMPTS) {
    const { generateImages } = await gateway.admin(GENERATE, { input: { prompt, n: 2, size: "192x64" } });
    ids.push(...generateImages.images.map(({ id }: { id: string }) => id));
  }
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

async function open(options: object): Promise<Awaited<ReturnType<typeof openStudio>>> {
  const studio = await openStudio(browser, gateway.url, { ...options, allowed: /status of 401/ });
  await expectFits(studio.page);
  await studio.page.locator("#key").fill(ADMIN_KEY);
  await studio.page.locator("#key").press("Enter");
  await studio.page.locator(".wall a img").first().waitFor();
  return studio;
}

/** Fails if the page is wider than its window, or axe-core finds a problem. */
async function expectFits(page: Page): Promise<void> {
  const tooWide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  expect(tooWide).toBe(0);
  await expectAccessible(page);
}

/** For each page, what follows its name in the addresses that are opened, and an element that shows it is there. */
function pages(): Readonly<Record<PageName, { readonly paths: readonly string[]; readonly shown: string }>> {
  const [first = "", , , , long = ""] = ids;
  return {
    image: { paths: [first, long], shown: ".facts" },
    compare: { paths: [ids.slice(0, 4).join("/")], shown: ".compare figure" },
    edit: { paths: [first], shown: ".paint-stage .paper img" },
    admin: { paths: [""], shown: ".keys-table" },
  };
}

describe.each(FORMS)("%s", (_name, options) => {
  test("every page fits, and axe-core finds no problem", async () => {
    const { page, expectClean, close } = await open(options);
    await expectFits(page);
    for (const [name, { paths, shown }] of Object.entries(pages())) {
      for (const path of paths) {
        await page.evaluate(`location.hash = ${JSON.stringify(`#/${name}/${path}`)}`);
        await page.locator(shown).first().waitFor();
        await expectFits(page);
      }
    }
    expectClean();
    await close();
  });
});

test("prompts are shown in the direction of their script", async () => {
  const { page, close } = await open({ locale: "en-GB" });
  const directionOf = async (place: string) => {
    await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
    await page.locator(".panel h1").waitFor();
    return page.evaluate("getComputedStyle(document.querySelector('.panel h1')).direction");
  };
  expect(await directionOf(`#/image/${ids[0]}`)).toBe("rtl");
  await page.keyboard.press("Escape");
  await page.locator(".wall").waitFor();
  expect(await directionOf(`#/image/${ids[2]}`)).toBe("ltr");
  await close();
});

test("nothing moves for people who prefer reduced motion", async () => {
  const hold = holdCalls(gateway.provider);
  const { page, close } = await open({ reducedMotion: "reduce" });
  await page.getByRole("textbox", { name: "Prompt" }).fill("a boat");
  await page.getByRole("button", { name: "Create" }).click();
  await hold.called;
  await page.locator(".run .pulse").waitFor();
  expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  hold.release();
  await page.locator(".run").waitFor({ state: "detached" });
  gateway.provider.script = makeImages;

  await page.locator(".rows a").first().focus();
  for (const key of ["f", "x"]) await page.keyboard.press(key);
  await page.getByText("1 selected").waitFor();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").waitFor();
  expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  await close();
});

describe("by keyboard alone", () => {
  let studio: Awaited<ReturnType<typeof openStudio>>;

  beforeEach(async () => {
    studio = await open({});
  });

  afterEach(async () => {
    studio.expectClean();
    await studio.close();
  });

  const press = (key: string) => studio.page.keyboard.press(key);
  const focused = () =>
    studio.page.evaluate<string>(
      "document.activeElement.ariaLabel || document.activeElement.labels?.[0]?.textContent || document.activeElement.textContent",
    );
  /** Goes on with Tab until an element with this name has the focus. */
  const tabTo = async (name: string) => {
    for (let steps = 0; steps < 60; steps++) {
      await press("Tab");
      if ((await focused()) === name) return;
    }
    throw new Error(`Tab does not lead to ${name}`);
  };

  test("a picture is created, opened and left, and a key begun", async () => {
    const { page } = studio;
    await press("p");
    await page.keyboard.type("a boat by keyboard");
    await press("Control+Enter");
    await page.locator(".wall img[alt='a boat by keyboard']").waitFor();
    await page.locator(".wall a:has(img[alt='a boat by keyboard'])").focus();
    await press("Enter");
    await page.getByRole("heading", { name: "a boat by keyboard" }).waitFor();
    await press("Escape");
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
    await tabTo("Admin");
    await press("Enter");
    await page.locator(".keys-table").waitFor();
    await tabTo("New key");
    await press("Enter");
    await page.getByRole("dialog", { name: "New key" }).waitFor();
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focused()).toBe("New key");
  });

  test("the limits of a project are set", async () => {
    const { page } = studio;
    await page.evaluate("location.hash = '#/admin'");
    await page.locator(".keys-table").waitFor();
    await tabTo("Limits and budgets");
    await press("Enter");
    await page.getByRole("dialog", { name: "Limits and budgets" }).waitFor();
    await tabTo("A week, US dollars");
    await page.keyboard.type("four");
    await page.getByRole("alert").getByText("Write a number").waitFor();
    await expectAccessible(page);
    await press("Control+a");
    await page.keyboard.type("4");
    await press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.locator(".budget").getByText("of $4.00 a week").waitFor();
    expect(await focused()).toBe("Limits and budgets");
  });

  test("pictures are enlarged, moved and turned", async () => {
    const { page } = studio;
    await page.evaluate(`location.hash = "#/image/${ids[0]}"`);
    await page.locator(".stage .zoomable img").waitFor();
    const PLACE = "document.querySelector('.stage .zoomable img').style.translate";
    for (const key of ["+", "+", "+", "+", "+", "+"]) await press(key);
    await page.locator(".zoomable.zoomed").waitFor();
    const middle = await page.evaluate(PLACE);
    for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) {
      const before = await page.evaluate(PLACE);
      await press(key);
      await until(page, `${PLACE} !== ${JSON.stringify(before)}`);
    }
    expect(await page.evaluate(PLACE)).toBe(middle);
    expect(await page.evaluate("location.hash")).toBe(`#/image/${ids[0]}`);

    await press("0");
    await press("ArrowRight");
    await until(page, `location.hash !== "#/image/${ids[0]}"`);
  });

  test("pictures are compared, added and taken out", async () => {
    const { page } = studio;
    await page.evaluate(`location.hash = "#/image/${ids[0]}"`);
    await page.locator(".facts").waitFor();
    await press("c");
    await page.getByRole("heading", { name: "Comparing 2" }).waitFor();
    await tabTo("Add a picture");
    await press("Enter");
    await page.getByRole("dialog", { name: "Add a picture" }).waitFor();
    await expectAccessible(page);
    await press("Enter");
    await page.getByRole("heading", { name: "Comparing 3" }).waitFor();
    expect(await focused()).toBe("Add a picture");
    await tabTo("Take out");
    await press("Enter");
    await page.getByRole("heading", { name: "Comparing 2" }).waitFor();
    expect(await page.evaluate("document.activeElement.localName")).toBe("main");
    await press("Escape");
    await page.locator(".facts").waitFor();
  });
});
