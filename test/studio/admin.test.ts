import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/clients/browser.ts";
import { ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import {
  ANY_SIZE_EDITOR,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { expectAccessible, openStudio, type StudioPage, WIDTHS } from "../support/studio.ts";

const MODEL = {
  ...ANY_SIZE_EDITOR,
  id: "priced-1",
  prices: [{ from: "2026-01-01", source: "a test", perImage: "0.25" }],
};
const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }";
const INPUT = { prompt: "a lighthouse", size: "64x64" };
const WHO = "{ viewer { project { name } apiKey { name } } }";
/** The browser's own message about a status that the test causes. */
const REFUSED = /status of 40[13]/;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

describe.each(Object.entries(WIDTHS))("with the admin key, on a %s", (_name, viewport) => {
  let gateway: KeyedGateway;
  let studio: StudioPage;
  let page: Page;
  let token: string;

  beforeAll(async () => {
    gateway = await startKeyedGateway({}, [MODEL]);
    studio = await openStudio(browser, gateway.url, {
      viewport,
      at: "#/admin",
      allowed: REFUSED,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    page = studio.page;
    await page.getByLabel("Key", { exact: true }).fill(ADMIN_KEY);
    await page.getByRole("button", { name: "Open" }).click();
  });

  afterAll(async () => {
    await studio.close();
    await gateway.close();
  });

  const callWith = (key: string) => gateway.graphql(WHO, {}, { Authorization: `Bearer ${key}` });

  test("a project is created with a budget", async () => {
    await page.getByRole("button", { name: "New project" }).click();
    await page.getByLabel("Name").fill("Harbour Shop");
    await expectAccessible(page);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Harbour Shop" }).waitFor();
    await page.getByText("No budget is set.").waitFor();

    await page.getByRole("button", { name: "Limits and budgets" }).click();
    await page.getByRole("textbox", { name: "A day, US dollars" }).fill("twenty");
    await page.getByText("Write a number, such as 20 or 0.50.").waitFor();
    await page.getByRole("textbox", { name: "A day, US dollars" }).fill("20");
    await page.getByRole("textbox", { name: "In total, Pictures" }).fill("1000");
    await page.getByRole("textbox", { name: "Generations at once" }).fill("8");
    await expectAccessible(page);
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator(".budget", { hasText: "$20.00 left" }).getByText("of $20.00 a day").waitFor();
    await page.locator(".budget", { hasText: "1,000 pictures left" }).waitFor();
    const { projects } = await gateway.admin(
      "{ projects { nodes { name limits { concurrentGenerations imagesPerMinute models budgets { window limitUsd limitImages } } } } }",
    );
    expect(projects.nodes.find(({ name }: { name: string }) => name === "Harbour Shop")).toEqual({
      name: "Harbour Shop",
      limits: {
        concurrentGenerations: 8,
        imagesPerMinute: null,
        models: null,
        budgets: [
          { window: "DAY", limitUsd: "20", limitImages: null },
          { window: "TOTAL", limitUsd: null, limitImages: 1000 },
        ],
      },
    });
    await expectAccessible(page);
  });

  test("a key's token is shown once, and can be copied", async () => {
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("Web shop");
    await page.getByRole("button", { name: "Create" }).click();
    const dialog = page.getByRole("dialog", { name: "Copy the new key now" });
    token = await dialog.locator("code").innerText();
    await expectAccessible(page);
    await dialog.getByRole("button", { name: "Copy" }).click();
    await page.getByText("The key is copied.").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(token);
    await dialog.getByRole("button", { name: "Done, I have it" }).click();
    await page.getByRole("row", { name: /^Web shop pgk_/ }).waitFor();
    expect(await page.content()).not.toContain(token);
    const { body } = await callWith(token);
    expect(body.data.viewer).toEqual({ project: { name: "Harbour Shop" }, apiKey: { name: "Web shop" } });
  });

  test("running generations are shown with what they hold, and can be canceled", async () => {
    const hold = holdCalls(gateway.provider);
    await gateway.graphql(GENERATE, { input: { ...INPUT, waitSeconds: 0 } }, { Authorization: `Bearer ${token}` });
    await hold.called;
    const run = page.locator(".runs li", { hasText: "a lighthouse" });
    await run.waitFor();
    await page.locator(".budget").getByText("$0.25 held").waitFor();
    await expectAccessible(page);
    await run.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Nothing is running.").waitFor();
    const { generations } = await gateway.admin("{ generations(first: 1) { nodes { status } } }");
    expect(generations.nodes).toEqual([{ status: "CANCELED" }]);
  });

  test("spending is shown in the chart, in the table, and in the budget", async () => {
    gateway.provider.script = makeImages;
    await gateway.graphql(GENERATE, { input: { ...INPUT, n: 2 } }, { Authorization: `Bearer ${token}` });
    await page.reload();
    await page.getByLabel("Key", { exact: true }).fill(ADMIN_KEY);
    await page.getByRole("button", { name: "Open" }).click();
    // The canceled one is charged as an estimate: 0.25, beside the 0.50 of the two pictures.
    await page.getByRole("img", { name: "Spending: $0.75 in 30 days" }).waitFor();
    await page.locator(".legend").getByText("priced-1").waitFor();
    await page.getByText("$0.25 of it is estimated.").waitFor();
    await page.locator(".budget").getByText("$0.75 spent").waitFor();
    await page.locator(".budget").getByText("$19.25").waitFor();
    await expectAccessible(page);
    await page.getByRole("radio", { name: "Table" }).click();
    await page.getByRole("cell", { name: "$0.75" }).first().waitFor();
    await expectAccessible(page);
  });

  test("a key is rotated, disabled and revoked", async () => {
    await page.getByRole("button", { name: "Rotate: Web shop" }).click();
    await page.getByRole("radio", { name: "One hour" }).click();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Make a new token" }).click();
    const dialog = page.getByRole("dialog", { name: "Copy the new key now" });
    const newToken = await dialog.locator("code").innerText();
    await dialog.getByRole("button", { name: "Done, I have it" }).click();
    expect(newToken).not.toBe(token);
    for (const each of [token, newToken]) expect((await callWith(each)).status).toBe(200);

    const isOn = page.getByRole("switch", { name: "Web shop is on" });
    await isOn.click();
    await page.locator(".pill", { hasText: "Off" }).waitFor();
    expect((await callWith(newToken)).status).toBe(401);
    await isOn.click();
    await page.locator(".pill", { hasText: "Off" }).waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Revoke: Web shop" }).click();
    await page.getByText("This cannot be undone.").waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Revoke", exact: true }).click();
    await page.locator(".pill", { hasText: "Revoked" }).waitFor();
    expect((await callWith(newToken)).status).toBe(401);
  });

  test("a project is disabled, and enabled again by Undo", async () => {
    const isOn = page.getByRole("switch", { name: "Project is on" });
    const isDisabled = async () => {
      const { projects } = await gateway.admin("{ projects { nodes { name isDisabled } } }");
      return projects.nodes.find(({ name }: { name: string }) => name === "Harbour Shop").isDisabled;
    };
    await isOn.click();
    await page.getByText("Harbour Shop is off. Its keys are refused.").waitFor();
    expect(await isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Harbour Shop is on again.").waitFor();
    expect(await isDisabled()).toBe(false);
  });

  test("the audit log lists who changed what, newest first", async () => {
    const card = page.getByRole("region", { name: "Recent changes" });
    await card.getByRole("listitem").filter({ hasText: "Key revoked" }).getByText("Web shop · Harbour Shop").waitFor();
    expect(await card.getByRole("listitem").first().getByText("Project changed").count()).toBe(1);
    await expectAccessible(page);
  });

  test("the admin creates pictures in a project, and its wall shows, searches and opens them", async () => {
    await page.getByRole("button", { name: "Open its pictures" }).click();
    await page.locator(".rows img[alt='a lighthouse']").first().waitFor();
    await page.getByRole("textbox", { name: "Prompt" }).fill("a harbour at night");
    await page.getByRole("button", { name: /^Create / }).click();
    const picture = page.locator(".rows a", { has: page.getByAltText("a harbour at night") });
    await picture.waitFor();
    const { generations } = await gateway.admin("{ generations(first: 1) { nodes { prompt project { name } } } }");
    expect(generations.nodes).toEqual([{ prompt: "a harbour at night", project: { name: "Harbour Shop" } }]);
    await expectAccessible(page);
    if (viewport === WIDTHS.phone) await page.getByRole("button", { name: "Search prompts" }).click();
    await page.getByRole("searchbox", { name: "Search prompts" }).fill("harbour");
    await page.getByText("1 found", { exact: true }).waitFor();
    await picture.press("Enter");
    await page.getByRole("heading", { name: "a harbour at night" }).waitFor();
    studio.expectClean();
  });
});

describe.each(Object.entries(WIDTHS))("without the admin key, on a %s", (_name, viewport) => {
  let gateway: KeyedGateway;

  beforeAll(async () => {
    gateway = await startKeyedGateway({}, [MODEL]);
  });

  afterAll(() => gateway.close());

  test("an API key sees its own budgets and usage, and no projects", async () => {
    const projectId = await gateway.createProject({ limits: { budgets: [{ window: "MONTH", limitUsd: "10" }] } });
    const key = await gateway.createKey(projectId, {
      name: "Newsletter",
      limits: { budgets: [{ window: "DAY", limitUsd: "1" }] },
    });
    await gateway.graphql(GENERATE, { input: INPUT }, key.headers);
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport, allowed: REFUSED });
    await page.getByLabel("Key", { exact: true }).fill(key.token);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("link", { name: "Budget: $0.75 left today" }).click();
    await page.getByRole("heading", { name: "Newsletter" }).waitFor();
    await page.locator(".budget", { hasText: "$0.75 left" }).getByText("of $1.00 a day for this key").waitFor();
    await page.locator(".budget", { hasText: "$9.75 left" }).waitFor();
    await page.getByRole("img", { name: "Spending: $0.25 in 30 days" }).waitFor();
    expect(await page.getByRole("navigation", { name: "Projects" }).count()).toBe(0);
    await expectAccessible(page);
    expectClean();
    await close();
  });
});

describe("on an open gateway", () => {
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    gateway = await startScriptedGateway({ dailyBudget: { usd: "1", isDefault: false } }, [MODEL]);
  });

  afterAll(() => gateway.close());

  test("the rest of the day's budget is shown beside the price, and falls while a picture is made", async () => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url);
    const left = page.locator(".dock .left");
    await left.getByText("$1.00 left").waitFor();
    await left.getByText("today").waitFor();
    await page.getByRole("textbox", { name: "Prompt" }).fill("a lighthouse");
    await page.getByRole("button", { name: "Create" }).getByText("$0.25").waitFor();

    const hold = holdCalls(gateway.provider);
    await page.getByRole("button", { name: "Create" }).click();
    await hold.called;
    await left.getByText("$0.75 left").waitFor();
    hold.release();
    await page.locator(".wall img[alt='a lighthouse']").waitFor();
    await page.getByRole("link", { name: "Budget: $0.75 left today" }).waitFor();

    const many = page.getByRole("button", { name: "Create 4" });
    for (let more = 0; more < 3; more++) await page.getByRole("button", { name: "One more" }).click();
    await many.getByText("$1.00").waitFor();
    await page.getByRole("alert").getByText("It needs up to $1.00; $0.75 left today.").waitFor();
    expect(await many.getAttribute("aria-disabled")).toBe("false");
    expectClean();
    await close();
  });
});
