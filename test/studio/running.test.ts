import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { GatewayError } from "../../src/errors.ts";
import type { GenerateRequest, ProviderEvent } from "../../src/ports/image-provider.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import {
  ANY_SIZE_EDITOR,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../support/gateways/scripted-provider.ts";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";
import { expectAccessible, openStudio, WIDTHS } from "../support/studio.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

const MODEL = { ...ANY_SIZE_EDITOR, previews: { maxPartialImages: 3, maxImages: 10 } };

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

describe.each(Object.entries(WIDTHS))("on a %s", (_name, viewport) => {
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    gateway = await startScriptedGateway({}, [MODEL]);
  });

  afterAll(() => gateway.close());

  const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";

  test("previews appear in the picture's place", async () => {
    const finished = Promise.withResolvers<void>();
    gateway.provider.script = async function* previews(request: GenerateRequest): AsyncIterable<ProviderEvent> {
      const { width, height } = request.size;
      for (const partialIndex of [0, 1]) {
        yield { type: "partial", index: 0, partialIndex, bytes: once(await plainImage(width, height, 1, "PNG")) };
      }
      await finished.promise;
      yield* makeImages(request);
    };
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    await page.getByRole("textbox", { name: "Prompt" }).fill("a lake");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText("Preview 2 of 3").waitFor();
    await page.getByText("0 of 1 ready").waitFor();
    await expectAccessible(page);
    finished.resolve();
    await page.locator(".run").waitFor({ state: "detached" });
    await page.locator(".wall img[alt='a lake']").waitFor();
    expectClean();
    await close();
  });

  test("running generations are there when the studio is opened, and can be canceled", async () => {
    const hold = holdCalls(gateway.provider);
    await gateway.graphql(GENERATE, { input: { prompt: "a slow lake", size: "64x64", waitSeconds: 0 } });
    await hold.called;
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    const strip = page.locator(".run", { hasText: "a slow lake" });
    await strip.getByRole("button", { name: "Cancel" }).click();
    await strip.waitFor({ state: "detached" });
    const { body } = await gateway.graphql("{ generations(first: 1) { nodes { status } } }");
    expect(body.data.generations.nodes).toEqual([{ status: "CANCELED" }]);
    expectClean();
    await close();
  });

  test("a generation of another program appears, and is on the wall when it is ready", async () => {
    const hold = holdCalls(gateway.provider);
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    await page.locator(".wall img[alt='a lake']").waitFor();
    await gateway.graphql(GENERATE, { input: { prompt: "another lake", size: "64x64", waitSeconds: 0 } });
    await page.locator(".run", { hasText: "another lake" }).waitFor();
    hold.release();
    await page.locator(".wall img[alt='another lake']").waitFor();
    expectClean();
    await close();
  });

  test("a refusal is shown with its cost and what to do, without the provider's text", async () => {
    // biome-ignore lint/correctness/useYield: the provider refuses before its first event
    gateway.provider.script = async function* refuse(): AsyncIterable<ProviderEvent> {
      throw new GatewayError("CONTENT_REJECTED", "marked words of the vendor", { billed: "NO" });
    };
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    await page.getByRole("textbox", { name: "Prompt" }).fill("something bad");
    await page.getByRole("button", { name: "Create" }).click();
    const notice = page.getByRole("alert");
    await notice.getByText("The model declined this prompt").waitFor();
    await notice.getByText("Nothing was charged.").waitFor();
    expect(await page.getByText("marked words").count()).toBe(0);
    expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("something bad");
    await expectAccessible(page);
    await notice.getByRole("button", { name: "Remove" }).click();
    await notice.waitFor({ state: "detached" });
    expectClean();
    await close();
  });
});

describe("with OpenAI", () => {
  let api: StrictImageApi;
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    api = await startStrictImageApi();
    gateway = await startScriptedGateway({ openai: { apiKey: api.apiKey, baseUrl: api.baseUrl } });
  });

  afterAll(async () => {
    await gateway.close();
    await api.close();
  });

  test("the button shows the price range, and options that the model lacks are disabled with the reason", async () => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url);
    await page.getByRole("textbox", { name: "Prompt" }).fill("a fox");
    await page.getByRole("button", { name: /^Model [^:]/ }).click();
    await page
      .getByRole("radio", { name: /^gpt-image-2 / })
      .getByText("$")
      .waitFor();
    await expectAccessible(page);
    await page.getByRole("radio", { name: /^gpt-image-2 / }).click();
    const create = page.getByRole("button", { name: "Create" });
    await create.getByText(/^up to \$0\.\d\d$/).waitFor();

    await page.getByRole("button", { name: "Quality" }).click();
    await page.getByRole("radio", { name: /^Extra high.*Off: gpt-image-2 does not make it/ }).waitFor();
    await page.getByRole("radio", { name: /^High/ }).click();
    await create.getByText(/^\$0\.\d\d–0\.\d\d$|^\$0\.\d\d$/).waitFor();
    await page.getByRole("button", { name: "Format, background, seed, previews" }).click();
    await page.getByText("Off: gpt-image-2 cannot repeat a seed.").waitFor();
    expect(await page.getByRole("textbox", { name: "Seed" }).isDisabled()).toBe(true);
    await page.getByRole("radio", { name: "JPEG" }).click();
    await page.getByText("Transparent is off: JPEG has no transparency.").waitFor();
    await expectAccessible(page);
    await page.keyboard.press("Escape");

    await create.click();
    await page.locator(".wall img[alt='a fox']").waitFor();
    expect(api.requests.map(({ body }) => body)).toMatchObject([
      { model: "gpt-image-2", quality: "high", output_format: "jpeg", n: 1 },
    ]);
    expectClean();
    await close();
  });

  test("a broken answer says whether it was charged, and one click tries again", async () => {
    api.queue("serverError");
    const { page, expectClean, close } = await openStudio(browser, gateway.url);
    await page.getByRole("textbox", { name: "Prompt" }).fill("a second fox");
    await page.getByRole("button", { name: /^Model [^:]/ }).click();
    await page.getByRole("radio", { name: /^gpt-image-2 / }).click();
    await page.getByRole("button", { name: "Create" }).click();
    const notice = page.getByRole("alert");
    await notice.getByText("The connection to the model broke").waitFor();
    await notice.getByText(/We cannot tell whether it was charged, so \$0\.\d\d stays counted/).waitFor();
    await notice.getByRole("button", { name: /Try again .*\$/ }).click();
    await page.locator(".wall img[alt='a second fox']").waitFor();
    await notice.waitFor({ state: "detached" });
    expectClean();
    await close();
  });
});

test("after a gateway restarts the page has lost nothing and reconnects", async () => {
  await using first = await startGatewayProcess();
  const { port } = new URL(first.url);
  const data = { PICTOGRAPH_DATA_DIR: first.dataDirectory, PORT: port };
  const { page, close } = await openStudio(browser, first.url);
  await page.getByRole("textbox", { name: "Prompt" }).fill("a fox that waits");
  await page.getByRole("button", { name: "Create" }).getByText("Free").waitFor();
  await first.kill();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("No connection to the gateway").waitFor();

  await using second = await startGatewayProcess({ env: data });
  expect(second.url).toBe(first.url);
  await page.locator(".wall img[alt='a fox that waits']").waitFor();
  await page.getByText("No connection to the gateway").waitFor({ state: "detached" });
  await close();
});
