import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PutBucketCorsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { makeCertificate } from "../support/c2pa/certificates.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { startGateway } from "../support/gateways/gateway.ts";
import {
  ANY_SIZE_EDITOR,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../support/stores/s3-server.ts";
import { expectAccessible, openStudio, until, WIDTHS } from "../support/studio.ts";

/** Every character that a language could take for the end of a string. */
const PROMPT = `it's a "fox" — \\n $HOME 狐狸 🦊`;
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

let browser: Browser;
let gateway: ScriptedGateway;
let ids: string[];
let plainId: string;

beforeAll(async () => {
  browser = await launchBrowser();
  gateway = await startScriptedGateway({}, [{ ...ANY_SIZE_EDITOR, hasSeed: true }]);
  const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";
  const input = { n: 3, size: "640x320", quality: "HIGH", seed: 5 };
  const make = async (prompt: string): Promise<string[]> => {
    const { body } = await gateway.graphql(query, { input: { ...input, prompt } });
    return body.data.generateImages.images.map(({ id }: { id: string }) => id);
  };
  [plainId] = (await make("A red fox!")) as [string];
  ids = await make(PROMPT);
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

const openImage = (viewport: { width: number; height: number } = WIDTHS.desk, options: object = {}) =>
  openStudio(browser, gateway.url, { viewport, at: `#/image/${ids[0]}`, ...options });

test("a picture says whether the gateway signed it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-test-"));
  const { files } = await makeCertificate(directory);
  const signing = await startGateway({ c2pa: files });
  try {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { images { id } } }`;
    const { body } = await signing.graphql(query);
    const at = `#/image/${body.data.generateImages.images[0].id}`;
    const signed = await openStudio(browser, signing.url, { at });
    await signed.page.getByText("The gateway signed it with its operator’s certificate.").waitFor();
    signed.expectClean();
    await signed.close();
    const { page, close } = await openImage();
    await page.locator(".proof").getByText("The file names its origin.").waitFor();
    expect(await page.getByText("The gateway signed it").count()).toBe(0);
    await close();
  } finally {
    await signing.close();
    await rm(directory, { recursive: true });
  }
});

describe.each(Object.entries(WIDTHS))("on a %s", (_name, viewport) => {
  test("a picture shows its settings, and can be rotated, zoomed and closed", async () => {
    const { page, expectClean, close } = await openImage(viewport);
    await page.getByRole("heading", { name: PROMPT }).waitFor();
    const facts = page.locator(".facts");
    for (const fact of ["any-size-editor-1", "640 × 320", "High", "5", ids[0] as string]) {
      await facts.getByText(fact, { exact: true }).waitFor();
    }
    await expectAccessible(page);

    await page.keyboard.press("1");
    await page.getByRole("button", { name: "Zoom in" }).click();
    await page.locator(".zoomable.zoomed").waitFor();
    await page.keyboard.press("0");
    await page.locator(".zoomable:not(.zoomed)").waitFor();
    await page.keyboard.press("ArrowRight");
    await facts.getByText(ids[1] as string, { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
    expectClean();
    await close();
  });

  test("variations show their price, and have the same settings with another seed", async () => {
    const { page, expectClean, close } = await openImage(viewport);
    const before = gateway.provider.requests.length;
    await page.getByRole("button", { name: "4 variations" }).getByText("price not known").waitFor();
    await page.getByRole("button", { name: "4 variations" }).click();
    await page.getByText("4 variations are being made.").waitFor();

    const [made] = gateway.provider.requests.slice(before);
    expect(made).toMatchObject({ prompt: PROMPT, n: 4, size: { width: 640, height: 320 }, quality: "HIGH" });
    expect(made?.seed).toEqual(expect.any(Number));
    expect(made?.seed).not.toBe(5);
    expectClean();
    await close();
  });

  test("pictures are compared, zoomed together, and removed", async () => {
    const { page, expectClean, close } = await openImage(viewport);
    await page.getByRole("link", { name: "Compare" }).click();
    await page.getByText("Comparing 3").waitFor();
    await page.keyboard.press("+");
    expect(await page.locator(".zoomable.zoomed").count()).toBe(3);
    // The pictures stay in their places, however large they are drawn.
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    await expectAccessible(page);
    await page.getByRole("link", { name: "Take out" }).first().click();
    await page.getByText("Comparing 2").waitFor();
    expectClean();
    await close();
  });
});

test("variations of an edited picture are made from the same pictures, with another seed", async () => {
  const edit = "mutation ($input: EditImagesInput!) { editImages(input: $input) { images { id } } }";
  const input = { prompt: "at night", images: [{ id: plainId }], quality: "HIGH", seed: 5 };
  const { body } = await gateway.graphql(edit, { input });
  const [{ id }] = body.data.editImages.images;
  const before = gateway.provider.requests.length;
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { at: `#/image/${id}` });
  const variations = page.getByRole("button", { name: "4 variations" });
  await variations.getByText("price not known").waitFor();
  await page.getByText("A mask is not kept").waitFor();
  await expectAccessible(page);
  await variations.click();
  await page.getByText("4 variations are being made.").waitFor();
  await poll(
    async () => gateway.provider.requests.length,
    (count) => count > before,
  );

  const [made] = gateway.provider.requests.slice(before);
  expect(made).toMatchObject({ prompt: "at night", n: 4, quality: "HIGH", edit: { images: [expect.anything()] } });
  expect(made?.seed).toEqual(expect.any(Number));
  expect(made?.seed).not.toBe(5);
  expectClean();
  await close();
});

test("a picture is marked as a favourite; when it is deleted, the next one appears", async () => {
  const make = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";
  const { body } = await gateway.graphql(make, { input: { prompt: "two boats", n: 2, size: "64x64" } });
  const [first, second] = body.data.generateImages.images.map(({ id }: { id: string }) => id);
  const read = async (id: string) =>
    (await gateway.graphql("query ($id: ID!) { image(id: $id) { isFavorite } }", { id })).body.data.image;
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { at: `#/image/${first}` });
  const favourite = page.getByRole("button", { name: "Favourite" });
  const answered = () =>
    page.waitForResponse((response) => response.request().postData()?.includes("setFavorite") ?? false);
  await favourite.waitFor();
  await Promise.all([answered(), favourite.click()]);
  expect(await read(first)).toEqual({ isFavorite: true });
  expect(await favourite.getAttribute("aria-pressed")).toBe("true");
  await Promise.all([answered(), page.keyboard.press("f")]);
  expect(await read(first)).toEqual({ isFavorite: false });

  await page.keyboard.press("Delete");
  await page.getByRole("dialog", { name: "Delete this picture?" }).waitFor();
  await expectAccessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator(".facts").getByText(second, { exact: true }).waitFor();
  expect(await read(first)).toBeNull();
  expect(await read(second)).toEqual({ isFavorite: false });
  expectClean();
  await close();
});

test("a picture is saved in full size with one click, and in any format and size", async () => {
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { at: `#/image/${plainId}` });
  const saved = async (click: () => Promise<void>) => {
    const [download] = await Promise.all([page.waitForEvent("download"), click()]);
    const { format, width, height } = await sharp(await download.path()).metadata();
    return { name: download.suggestedFilename(), format, width, height };
  };
  const full = await saved(() => page.getByRole("link", { name: "Download" }).click());
  expect(full).toEqual({ name: "a-red-fox-640x320.png", format: "png", width: 640, height: 320 });

  await page.getByRole("tab", { name: "Sizes" }).click();
  await page.getByRole("radio", { name: "WebP" }).click();
  const square = page.locator("li", { hasText: "Square" }).locator("a[href*='webp' i]");
  expect(await saved(() => square.click())).toMatchObject({ format: "webp", width: 320, height: 320 });
  await page.getByLabel("Width").fill("200");
  await page.getByLabel("Height").fill("120");
  expect(await saved(() => page.getByRole("button", { name: "Save" }).click())).toMatchObject({
    format: "webp",
    width: 200,
    height: 120,
  });
  await page.getByLabel("Width").fill("641");
  await page.getByText("The picture has 640 × 320 pixels.").waitFor();
  await expectAccessible(page);
  expectClean();
  await close();
});

describe("with pictures in a bucket, to which image URLs redirect", () => {
  let s3: S3Server;
  let bucket: string;
  let redirecting: ScriptedGateway;
  let at: string;

  beforeAll(async () => {
    s3 = await startS3Server("@20minutes/s3rver");
    bucket = await s3.newBucket();
    const options = { bucket, endpoint: s3.endpoint, region: "us-east-1", credentials: S3_CREDENTIALS };
    redirecting = await startScriptedGateway({ s3: options }, [ANY_SIZE_EDITOR]);
    const make = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";
    const { body } = await redirecting.graphql(make, { input: { prompt: "A red fox!", size: "640x320" } });
    at = `#/image/${body.data.generateImages.images[0].id}`;
  });

  afterAll(async () => {
    await redirecting.close();
    await s3.stop();
  });

  test("a picture is opened in a tab if the bucket lets no page read it, and Copy says what is missing", async () => {
    const options = { at, bucketOrigin: s3.endpoint, allowed: /CORS policy|ERR_FAILED/ };
    const { page, expectClean, close } = await openStudio(browser, redirecting.url, options);
    await until(page, "document.querySelector('.stage img')?.naturalWidth > 0");
    const [tab] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    await tab.waitForURL(`${s3.endpoint}/**`);

    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("status").getByText("add a CORS rule to the bucket").waitFor();
    await expectAccessible(page);
    expectClean();
    await close();
  });

  test("a picture is saved and copied if the bucket lets the page read it", async () => {
    const client = new S3Client({
      endpoint: s3.endpoint,
      region: "us-east-1",
      credentials: S3_CREDENTIALS,
      forcePathStyle: true,
    });
    const CORSRules = [{ AllowedOrigins: [redirecting.url], AllowedMethods: ["GET"] }];
    await client.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules } }));
    client.destroy();
    const permissions = ["clipboard-read", "clipboard-write"];
    const options = { at, bucketOrigin: s3.endpoint, permissions };
    const { page, expectClean, close } = await openStudio(browser, redirecting.url, options);
    await until(page, "document.querySelector('.stage img')?.naturalWidth > 0");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("a-red-fox-640x320.png");
    expect(await sharp(await download.path()).metadata()).toMatchObject({ format: "png", width: 640, height: 320 });
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByText("The picture is copied.").waitFor();
    expectClean();
    await close();
  });
});

describe("the request shown as code", () => {
  const codeIn = async (page: Page, language: string) => {
    await page.getByRole("tab", { name: "Code" }).click();
    await page.getByRole("radio", { name: language }).click();
    return page.locator(".code pre").innerText();
  };

  test("is copied, and makes the same pictures with GraphQL, curl and JavaScript", async () => {
    const permissions = ["clipboard-read", "clipboard-write"];
    const { page, expectClean, close } = await openImage(WIDTHS.desk, { permissions });
    const same = { prompt: PROMPT, n: 3, size: { width: 640, height: 320 }, quality: "HIGH" };
    const run = async (send: () => Promise<unknown>) => {
      const before = gateway.provider.requests.length;
      await send();
      return gateway.provider.requests.slice(before);
    };

    const graphql = await codeIn(page, "GraphQL");
    expect(await run(() => gateway.graphql(graphql))).toMatchObject([{ ...same, seed: 5 }]);
    const curl = await codeIn(page, "curl");
    expect(await run(() => promisify(execFile)("bash", ["-c", curl]))).toMatchObject([same]);

    await codeIn(page, "JavaScript");
    await page.getByRole("button", { name: "Copy", exact: true }).last().click();
    await page.getByText("The code is copied.").waitFor();
    const copied = (await page.evaluate("navigator.clipboard.readText()")) as string;
    const directory = await mkdtemp(join(tmpdir(), "pictograph-code-"));
    await symlink(NODE_MODULES, join(directory, "node_modules"));
    await writeFile(join(directory, "request.mjs"), copied);
    const runScript = () => promisify(execFile)(process.execPath, [join(directory, "request.mjs")]);
    expect(await run(runScript)).toMatchObject([same]);
    await rm(directory, { recursive: true });
    await expectAccessible(page);
    expectClean();
    await close();
  });

  test("in Python has the same values, and no key", async () => {
    const { page, expectClean, close } = await openImage();
    const python = await codeIn(page, "Python");
    expect(python).toContain(`prompt=${JSON.stringify(PROMPT)},`);
    expect(python).toContain(`base_url="${gateway.url}/v1"`);
    expectClean();
    await close();
  });
});

test('"use again" puts prompt and settings into the bar, and Undo restores what was there', async () => {
  const { page, expectClean, close } = await openStudio(browser, gateway.url);
  const prompt = page.getByRole("textbox", { name: "Prompt" });
  await prompt.fill("my own words");
  await page.goto(`${gateway.url}/#/image/${ids[0]}`);
  await page.getByRole("button", { name: "Use again" }).click();
  expect(await prompt.inputValue()).toBe(PROMPT);
  await page.locator(".dock .chip.wide").getByText("640×320").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await prompt.inputValue()).toBe("my own words");
  expectClean();
  await close();
});

test("a missing picture is reported as missing", async () => {
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { at: "#/image/img_nothing" });
  await page.getByRole("heading", { name: "This is no longer here" }).waitFor();
  await page.getByRole("link", { name: "Back to the wall" }).click();
  await page.getByRole("textbox", { name: "Prompt" }).waitFor();
  expectClean();
  await close();
});
