import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, Locator, Page } from "playwright-core";
import { GatewayError } from "../../src/errors.ts";
import type { ProviderEvent } from "../../src/ports/image-provider.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import {
  ANY_SIZE_EDITOR,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { fillWall } from "../support/stores/wall-history.ts";
import { expectAccessible, openStudio, until, WIDTHS } from "../support/studio.ts";

const COUNT = 10_000;
const ANY_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>';
/** How far the wall is scrolled. `npm run bench -- studio` scrolls to the end. */
const SCROLLED = 1_200;
/** Each step scrolls to the end of what is loaded. */
const MAX_STEPS = 5_000;
/** The number of pictures that the page promises not to exceed. */
const MAX_PICTURE_NODES = 300;
const GENERATE = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id images { id isFavorite } }
}`;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

const linksTo = (page: Page, prompt: string): Locator => page.locator(".rows a", { has: page.getByAltText(prompt) });

/** Presses Tab until a picture on the wall has the focus. */
async function focusWall(page: Page): Promise<void> {
  await page.locator(".rows a[tabindex='0']").first().focus();
}

const focusedName = (page: Page): Promise<string> =>
  page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName");

/** Waits until the picture is at this height. The wall restores the position in the frame after a change. */
async function stands(picture: Locator, y = Number.NaN): Promise<void> {
  const height = async () => (await picture.boundingBox())?.y ?? Number.NaN;
  await poll(height, (now) => Math.abs(now - y) < 1);
}

describe("10,000 generations", () => {
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    const first = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
    for (const size of ["300x200", "200x300", "256x256", "64x64", "900x300"]) {
      await first.graphql(GENERATE, { input: { prompt: `of ${size}`, size } });
    }
    await first.stop();
    await fillWall(first.dataDir, COUNT);
    gateway = await startScriptedGateway({ dataDir: first.dataDir }, [ANY_SIZE_EDITOR]);
  });

  afterAll(() => gateway.close());

  /** Otherwise the gateway would have to make thousands of thumbnails. */
  const withAnyPicture = async (page: Page) => {
    await page.route("**/images/**", (route) => route.fulfill({ contentType: "image/svg+xml", body: ANY_PICTURE }));
  };

  describe.each(Object.entries(WIDTHS))("on a %s", (device, viewport) => {
    test("the document never has more than 300 pictures while the wall is scrolled", async () => {
      const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
      await withAnyPicture(page);
      await page.locator(".rows img").first().waitFor();
      let most = 0;
      let furthest = 0;
      for (let step = 0; furthest < SCROLLED && step < MAX_STEPS; step++) {
        const { nodes, numbers } = (await page.evaluate(`new Promise((resolve) => {
          scrollTo(0, document.documentElement.scrollHeight);
          requestAnimationFrame(() => setTimeout(() => resolve({
            nodes: document.images.length,
            numbers: [...document.querySelectorAll(".rows img")].map(({ alt }) => Number(alt.split(" ").at(-1))),
          })));
        })`)) as { nodes: number; numbers: number[] };
        most = Math.max(most, nodes);
        furthest = Math.max(furthest, ...numbers.filter(Number.isFinite));
      }
      expect(furthest).toBeGreaterThanOrEqual(SCROLLED);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(MAX_PICTURE_NODES);
      expectClean();
      await close();
    });

    test("pictures that scroll past quickly are not loaded, and loads already begun are canceled", async () => {
      const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
      await page.route("**/images/**", () => {});
      const givenUp = page.waitForEvent("requestfailed");
      await page.waitForRequest("**/images/**");
      await until(page, "(scrollTo(0, 1_000_000), document.documentElement.scrollHeight > 12 * innerHeight)");
      await givenUp;
      await page.unroute("**/images/**");
      await withAnyPicture(page);

      const flownPast = await page.evaluate(`new Promise((resolve) => {
        const seen = new Map();
        const fly = () => {
          const links = [...document.querySelectorAll(".rows a")];
          for (const link of links) seen.set(link.dataset.id, link.innerHTML.includes("src="));
          if (scrollY < 10 * innerHeight) {
            scrollBy(0, innerHeight);
            return requestAnimationFrame(fly);
          }
          for (const link of links) seen.delete(link.dataset.id);
          resolve([...seen.values()]);
        };
        // The wall may keep its place while pictures above it arrive, so the way back may take more than one step.
        const flyFromTop = () => {
          if (scrollY === 0 && document.querySelector(".rows a")?.innerHTML.includes("src=")) return fly();
          scrollTo(0, 0);
          requestAnimationFrame(flyFromTop);
        };
        flyFromTop();
      })`);
      const [atFirst, later] = [(flownPast as boolean[]).slice(0, 5), (flownPast as boolean[]).slice(-20)];
      expect(atFirst).toEqual(Array(5).fill(true));
      expect(later).toEqual(Array(20).fill(false));
      await until(page, "[...document.querySelectorAll('.rows a')].every((each) => each.innerHTML.includes('src='))");
      expectClean();
      await close();
    });

    test("the wall keeps its position when people return from a picture and when new ones arrive", async () => {
      const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
      await withAnyPicture(page);
      await page.locator(".rows img").first().waitFor();
      // The wall grows while its pages load.
      await until(page, "(scrollTo(0, 2500), scrollY > 2000)");
      const inTheMiddle = "[...document.querySelectorAll('.rows a')].find((a) => a.getBoundingClientRect().top > 150)";
      await until(page, `${inTheMiddle} !== undefined`);
      const name = String(await page.evaluate(`${inTheMiddle}.getAttribute("aria-label")`));
      const picture = page.getByRole("link", { name, exact: true });
      const before = await picture.boundingBox();
      await picture.press("Enter");
      await page.getByRole("heading", { name }).waitFor();
      await page.goBack();
      await picture.waitFor();
      expect(await focusedName(page)).toBe(name);
      await stands(picture, before?.y);

      await page.evaluate(`{
        const strip = document.createElement("div");
        strip.style.blockSize = "180px";
        document.querySelector(".gallery").before(strip);
        dispatchEvent(new Event("scroll"));
      }`);
      await stands(picture, before?.y);

      // A strip appears above the wall, and the page is scrolled before the next frame.
      await page.evaluate(`{
        const strip = document.createElement("div");
        strip.style.blockSize = "180px";
        document.querySelector(".gallery").before(strip);
        dispatchEvent(new Event("scroll"));
      }`);
      await stands(picture, before?.y);

      await gateway.graphql(GENERATE, { input: { prompt: `a new one on a ${device}`, size: "300x200" } });
      const arrived = page.getByRole("button", { name: "1 new" });
      await arrived.waitFor();
      await stands(picture, before?.y);
      await expectAccessible(page);
      await arrived.click();
      await linksTo(page, `a new one on a ${device}`).waitFor();
      expect(await page.evaluate("scrollY")).toBe(0);
      expectClean();
      await close();
    });

    test("search and filters are in the address, and Back removes them", async () => {
      const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
      await withAnyPicture(page);
      await page.locator(".rows img").first().waitFor();
      if (viewport === WIDTHS.phone) await page.getByRole("button", { name: "Search prompts" }).click();
      await page.getByRole("searchbox", { name: "Search prompts" }).pressSequentially("4321");
      await page.getByText("1 found", { exact: true }).waitFor();
      await until(page, "document.querySelectorAll('.rows img').length === 1");
      expect(new URL(page.url()).hash).toBe("#/?search=4321");
      await page.goBack();
      await page.getByText("over 10,000").waitFor();

      await page.getByRole("button", { name: "Model: Any model" }).click();
      await page.getByRole("radio", { name: ANY_SIZE_EDITOR.id }).click();
      await page.getByRole("button", { name: "Time: Any time" }).click();
      await expectAccessible(page);
      await page.getByLabel("To", { exact: true }).fill("2020-01-01");
      await page.getByRole("heading", { name: "No picture is like that" }).waitFor();
      const { hash } = new URL(page.url());
      expect(hash).toBe(`#/?model=${ANY_SIZE_EDITOR.id}&to=2020-01-01`);
      await expectAccessible(page);
      await page.reload();
      await page.getByRole("heading", { name: "No picture is like that" }).waitFor();
      await page.getByRole("button", { name: "Show all pictures" }).click();
      await page.locator(".rows img").first().waitFor();
      expect(new URL(page.url()).hash).toBe("#/");
      expectClean();
      await close();
    });

    test("small and wide pictures look right, and every frame has its picture's proportions", async () => {
      const { page, close } = await openStudio(browser, gateway.url, { viewport });
      await page.locator(".rows img").first().waitFor();
      const shapes = (await page.evaluate(`[...document.querySelectorAll(".rows .tile")].map((tile) => {
        const img = tile.querySelector("img");
        return { alt: img.alt, tile: tile.clientWidth / tile.clientHeight, picture: img.width / img.height,
          width: img.clientWidth, natural: Number(img.getAttribute("width")) / Number(img.getAttribute("height")) };
      })`)) as { tile: number; picture: number; width: number; natural: number }[];
      expect(shapes.length).toBeGreaterThan(5);
      for (const { tile, picture, natural, width } of shapes) {
        expect(tile).toBeCloseTo(natural, 1);
        if (natural === 1 && width < 200) expect(picture).toBeCloseTo(1, 1);
      }
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width).toBe(viewport.width);
      await close();
    });
  });
});

describe.each(Object.entries(WIDTHS))("a few pictures on a %s", (_name, viewport) => {
  let gateway: ScriptedGateway;

  const make = async (prompt: string, input: object = {}): Promise<{ id: string; images: { id: string }[] }> => {
    const { body } = await gateway.graphql(GENERATE, { input: { prompt, size: "300x200", ...input } });
    return body.data.generateImages;
  };
  const idsLeft = async (): Promise<string[]> => {
    const { body } = await gateway.graphql("{ images(first: 100) { nodes { id } } }");
    return body.data.images.nodes.map(({ id }: { id: string }) => id);
  };

  beforeEach(async () => {
    gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  });

  afterEach(() => gateway.close());

  const open = async (options: object = {}) => {
    const opened = await openStudio(browser, gateway.url, { viewport, ...options });
    await opened.page.locator(".rows img, .unsuccessful li").first().waitFor();
    return opened;
  };

  test("the wall is a single tab stop and works with the keyboard", async () => {
    for (const prompt of ["one", "two", "three"]) await make(prompt);
    const { page, expectClean, close } = await open();
    await focusWall(page);
    expect(await focusedName(page)).toBe("three");
    await page.keyboard.press("ArrowRight");
    expect(await focusedName(page)).toBe("two");
    await page.keyboard.press("f");
    await poll(
      async () => (await gateway.graphql("{ images(filter: { isFavorite: true }) { totalCount } }")).body,
      ({ data }) => data.images.totalCount === 1,
    );
    expect(await focusedName(page)).toBe("two, favourite");
    await page.keyboard.press("x");
    await page.keyboard.press("Shift+ArrowRight");
    await page.getByText("2 selected").waitFor();
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.getByText("2 selected").waitFor({ state: "detached" });
    await page.keyboard.press("r");
    await page.getByText("Prompt and settings are in the bar.").waitFor();
    expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("one");
    await focusWall(page);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).getByText("On the wall").waitFor();
    await page.keyboard.press("Escape");
    await focusWall(page);
    const name = await focusedName(page);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: name.replace(", favourite", "") }).waitFor();
    expectClean();
    await close();
  });

  test("deleting asks first, says how many, and keeps the pictures that were not chosen", async () => {
    const kept = await make("kept");
    const twins = await make("twins", { n: 2 });
    await make("whole", { n: 2 });
    const { page, expectClean, close } = await open();
    await page.getByRole("link", { name: "whole, 1 of 2" }).focus();
    await page.keyboard.press("x");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    await page.getByText("3 selected").waitFor();
    await page.keyboard.press("Delete");
    const question = page.getByRole("dialog", { name: "Delete 3 pictures?" });
    await question.getByText("nothing brings them back").waitFor();
    await expectAccessible(page);
    // The focus is on the button that deletes nothing.
    await page.keyboard.press("Enter");
    await question.waitFor({ state: "detached" });
    expect(await idsLeft()).toHaveLength(5);
    await page.getByRole("button", { name: "Delete" }).click();
    await question.getByRole("button", { name: "Delete 3" }).click();
    await page.getByText("3 pictures deleted.").waitFor();
    expect(new Set(await idsLeft())).toEqual(new Set([kept.images[0]?.id, twins.images[1]?.id]));
    expect(await page.locator(".rows img").count()).toBe(2);
    const { body } = await gateway.graphql("{ generations { totalCount } }");
    expect(body.data.generations.totalCount).toBe(2);
    expectClean();
    await close();
  });

  test("several pictures are saved as several files", async () => {
    for (const prompt of ["one", "two"]) await make(prompt);
    const { page, expectClean, close } = await open();
    const names: string[] = [];
    page.on("download", (download) => names.push(download.suggestedFilename()));
    await focusWall(page);
    await page.keyboard.press("Control+a");
    await page.getByRole("button", { name: "Download" }).click();
    await poll(
      async () => page.evaluate("0").then(() => names.length),
      (count) => count === 2,
    );
    expect(names.sort()).toEqual(["one-300x200.png", "two-300x200.png"]);
    expectClean();
    await close();
  });

  test("pictures of one generation stand together under its prompt", async () => {
    await make("alone");
    await make("together", { n: 3 });
    const { page, expectClean, close } = await open();
    await page.getByRole("button", { name: "Group by generation" }).click();
    const heading = page.locator(".group-head", { hasText: "together" });
    await heading.getByText("3 pictures").waitFor();
    expect(new URL(page.url()).hash).toBe("#/?group=1");
    await expectAccessible(page);
    await heading.getByRole("button", { name: "Select these" }).click();
    await page.getByText("3 selected").waitFor();
    expectClean();
    await close();
  });

  test("favourites are listed, and an empty list says how to mark one", async () => {
    await make("marked");
    await make("plain");
    const { page, expectClean, close } = await open();
    await page.getByRole("button", { name: "Favourites" }).click();
    await page.getByRole("heading", { name: "No favourites yet" }).waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Show all pictures" }).click();
    await page.getByRole("link", { name: "marked" }).focus();
    await page.keyboard.press("f");
    await page.getByRole("link", { name: "marked, favourite" }).waitFor();
    await page.getByRole("button", { name: "Favourites" }).click();
    await page.getByText("1 found", { exact: true }).waitFor();
    await until(page, "document.querySelectorAll('.rows img').length === 1");
    expectClean();
    await close();
  });

  test("failed generations are listed with the reason, and can be deleted", async () => {
    // biome-ignore lint/correctness/useYield: the provider refuses before its first event
    gateway.provider.script = async function* refuse(): AsyncIterable<ProviderEvent> {
      throw new GatewayError("CONTENT_REJECTED", "marked words of the vendor", { billed: "NO" });
    };
    await make("declined");
    gateway.provider.script = makeImages;
    await make("fine");
    const { page, expectClean, close } = await open({ at: "#/?show=failed" });
    const item = page.getByRole("listitem").filter({ hasText: "declined" });
    await item.getByText("The model declined this prompt").waitFor();
    expect(await page.getByText("marked words").count()).toBe(0);
    await expectAccessible(page);
    await item.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "Nothing has failed" }).waitFor();
    expectClean();
    await close();
  });

  test("a page that cannot be loaded says so, and a button loads it again", async () => {
    await make("there");
    const { page, close } = await openStudio(browser, gateway.url, { viewport, at: "#/image/img_none" });
    await page.getByRole("link", { name: "Back to the wall" }).waitFor();
    await page.route("**/graphql", (route) =>
      route.request().postData()?.includes("query Wall") ? route.abort() : route.fallback(),
    );
    await page.getByRole("link", { name: "Back to the wall" }).click();
    const alert = page.getByRole("alert").filter({ hasText: "No connection" });
    await alert.waitFor();
    await page.unroute("**/graphql");
    await alert.getByRole("button", { name: "Try again" }).click();
    await linksTo(page, "there").waitFor();
    await close();
  });
});

test("the mouse selects with Ctrl, Shift, boxes and a rectangle", async () => {
  const gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  for (const prompt of ["one", "two", "three", "four"]) {
    await gateway.graphql(GENERATE, { input: { prompt, size: "300x200" } });
  }
  const { page, expectClean, close } = await openStudio(browser, gateway.url);
  const tile = (name: string) => page.getByRole("link", { name, exact: true });
  await tile("four").click({ modifiers: ["Control"] });
  await page.getByText("1 selected").waitFor();
  await tile("two").click({ modifiers: ["Shift"] });
  await page.getByText("3 selected").waitFor();
  await tile("three").click();
  await page.getByText("2 selected").waitFor();
  await page.getByRole("button", { name: "Select nothing" }).click();

  await tile("one").hover();
  await page.getByRole("checkbox", { name: "Select" }).click();
  await page.getByText("1 selected").waitFor();
  await page.keyboard.press("Escape");

  const last = await tile("three").boundingBox();
  const wall = await page.locator(".rows").boundingBox();
  if (!last || !wall) throw new Error("the wall is not there");
  await page.mouse.move(8, wall.y + 4);
  await page.mouse.down();
  await page.mouse.move(last.x + 10, last.y + 40, { steps: 5 });
  await page.locator(".marquee").waitFor();
  await page.mouse.up();
  await page.getByText("2 selected").waitFor();
  expectClean();
  await close();
  await gateway.close();
});

test("a long press selects on a touch screen, and further taps add to the selection", async () => {
  const gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  for (const prompt of ["one", "two"]) await gateway.graphql(GENERATE, { input: { prompt, size: "300x200" } });
  const { page, expectClean, close } = await openStudio(browser, gateway.url, {
    viewport: WIDTHS.phone,
    hasTouch: true,
    isMobile: true,
  });
  const box = await page.getByRole("link", { name: "two" }).boundingBox();
  if (!box) throw new Error("the picture is not there");
  const session = await page.context().newCDPSession(page);
  const touchPoints = [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }];
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints });
  await page.getByText("1 selected").waitFor();
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await page.getByRole("link", { name: "one" }).tap();
  await page.getByText("2 selected").waitFor();
  await expectAccessible(page);
  expectClean();
  await close();
  await gateway.close();
});

test("the wall is in Chinese for a Chinese browser", async () => {
  const gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  await gateway.graphql(GENERATE, { input: { prompt: "雪地里的红狐狸", size: "300x200" } });
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { locale: "zh-CN" });
  await page.getByRole("searchbox", { name: "搜索提示词" }).fill("红狐");
  await page.getByText("找到 1 张").waitFor();
  await page.getByRole("grid", { name: "图片，最新的在前" }).waitFor();
  await page.getByRole("button", { name: "收藏" }).click();
  await page.getByRole("button", { name: "清除搜索" }).first().click();
  await page.getByRole("heading", { name: "还没有收藏" }).waitFor();
  await expectAccessible(page);
  expectClean();
  await close();
  await gateway.close();
});

test("the button shows the price before any thumbnail is requested", async () => {
  const gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  await gateway.graphql(GENERATE, { input: { prompt: "one", size: "300x200" } });
  const context = await browser.newContext();
  const page = await context.newPage();
  const priced = Promise.withResolvers<void>();
  const asked: string[] = [];
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("query Quote")) await priced.promise;
    await route.fallback();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.includes("/images/")) asked.push(request.url());
  });
  // After 2 s the page no longer waits for the price. A busy machine may need longer to show the wall.
  await page.addInitScript(`{
    const set = setTimeout;
    window.setTimeout = (work, ms, ...rest) => (ms === 2000 ? 0 : set(work, ms, ...rest));
  }`);
  await page.goto(gateway.url);
  await page.locator(".rows img").waitFor();
  expect(asked).toEqual([]);
  priced.resolve();
  await page.locator(".btn.go .price").filter({ hasNotText: "…" }).waitFor();
  await until(page, "document.querySelector('.rows img').naturalWidth > 0");
  expect(asked).not.toEqual([]);
  await context.close();
  await gateway.close();
});
