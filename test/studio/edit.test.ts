import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { GatewayError } from "../../src/errors.ts";
import type { GenerateRequest, ModelDescription, ProviderEvent } from "../../src/ports/image-provider.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import {
  ANY_SIZE_EDITOR,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../support/gateways/scripted-provider.ts";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";
import { expectAccessible, openStudio, until, WIDTHS } from "../support/studio.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

const PREVIEWING: ModelDescription = { ...ANY_SIZE_EDITOR, previews: { maxPartialImages: 3, maxImages: 10 } };
const SMALL: ModelDescription = {
  ...ANY_SIZE_EDITOR,
  id: "small-editor-1",
  edits: { maxInputImages: 2, maxInputBytes: 50_000_000, inputFormats: ["PNG", "JPEG", "WEBP"], hasMask: false },
};

/** What the provider received: the SHA-256 of each picture, and the mask as raw pixels. */
interface Received {
  readonly request: GenerateRequest;
  readonly pictures: readonly string[];
  readonly mask: { readonly width: number; readonly height: number; readonly alpha: Buffer } | undefined;
}

let browser: Browser;
let gateway: ScriptedGateway;
let received: Received[];
/** Images of the gateway: 640x320, and 3840x2160. */
let smallId: string;
let largeId: string;

beforeAll(async () => {
  browser = await launchBrowser();
  gateway = await startScriptedGateway({}, [PREVIEWING, SMALL]);
  const make = async (prompt: string, size: string): Promise<string> => {
    const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";
    const { body } = await gateway.graphql(query, { input: { prompt, size } });
    return body.data.generateImages.images[0].id;
  };
  smallId = await make("a small lake", "640x320");
  largeId = await make("a large lake", "3840x2160");
});

beforeEach(() => {
  received = [];
  gateway.provider.script = answerEdits;
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

/** Records what arrives, and answers with plain pictures. */
async function* answerEdits(request: GenerateRequest): AsyncIterable<ProviderEvent> {
  const { images = [], mask } = request.edit ?? {};
  const pictures: string[] = [];
  for (const image of images) pictures.push(sha256(await read(image.read())));
  const pixels =
    mask &&
    sharp(await read(mask.read()))
      .ensureAlpha()
      .extractChannel("alpha")
      .raw();
  const drawn = pixels && (await pixels.toBuffer({ resolveWithObject: true }));
  received.push({
    request,
    pictures,
    mask: drawn && { width: drawn.info.width, height: drawn.info.height, alpha: drawn.data },
  });
  yield* makeImages(request);
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bytes));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const openEditor = (ids: readonly string[], options: object = {}) =>
  openStudio(browser, gateway.url, { at: `#/edit/${ids.join("/")}`, ...options });

/** Drags by dispatching events. Headless Chromium sometimes never ends a drag with the real mouse. */
async function dragTo(page: Page, from: string, to: string): Promise<void> {
  const dataTransfer = await page.evaluateHandle(`{
    const data = new DataTransfer();
    data.setData("text/uri-list", document.querySelector(${JSON.stringify(from)}).href);
    data;
  }`);
  await page.locator(from).dispatchEvent("dragstart", { dataTransfer });
  for (const type of ["dragenter", "dragover", "drop"]) await page.locator(to).dispatchEvent(type, { dataTransfer });
}

/** Enters the prompt, sends the edit, and waits for the result. */
async function sendEdit(page: Page): Promise<void> {
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  await page.getByRole("button", { name: /^Edit( \d+)? / }).click();
  await page.getByRole("button", { name: "Edit again" }).waitFor();
}

/** Returns the transparent area of a mask. Fails if there is more than one, or if its edge is soft. */
function transparentArea({ width, height, alpha }: NonNullable<Received["mask"]>) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  let count = 0;
  let softPixels = 0;
  for (let index = 0; index < alpha.length; index++) {
    if (alpha[index] === 255) continue;
    if (alpha[index] !== 0) softPixels++;
    const [x, y] = [index % width, Math.floor(index / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    count++;
  }
  const area = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  expect({ softPixels, count }).toEqual({ softPixels: 0, count: area.width * area.height });
  return area;
}

async function paintArea(page: Page, area: { x: number; y: number; width: number; height: number }): Promise<void> {
  await page.getByRole("button", { name: "Area by numbers" }).click();
  const sheet = page.getByRole("dialog", { name: "Area by numbers" });
  const fields = { Left: area.x, Top: area.y, Width: area.width, Height: area.height };
  for (const [name, value] of Object.entries(fields)) await sheet.getByLabel(name).fill(String(value));
  await sheet.getByRole("button", { name: "Paint", exact: true }).click();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
}

/** Drops or pastes files. Each has a name, a type and its content in Base64. */
async function hand(page: Page, kind: "drop" | "paste", files: readonly File[], target = "body"): Promise<void> {
  await page.evaluate(
    `(() => {
      const data = new DataTransfer();
      for (const { name, type, base64 } of ${JSON.stringify(files)}) {
        data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type }));
      }
      const target = document.querySelector(${JSON.stringify(target)});
      const init = { bubbles: true, cancelable: true };
      if (${JSON.stringify(kind)} === "paste") target.dispatchEvent(new ClipboardEvent("paste", { ...init, clipboardData: data }));
      else for (const name of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(name, { ...init, dataTransfer: data }));
    })()`,
  );
}

type Resolvers = PromiseWithResolvers<void>;

interface File {
  readonly name: string;
  readonly type: string;
  readonly base64: string;
}

function toFile(name: string, bytes: Buffer, type = "image/png"): File {
  return { name, type, base64: bytes.toString("base64") };
}

describe.each(Object.entries(WIDTHS))("on a %s", (_name, viewport) => {
  test("exactly the painted area is transparent in the mask, and the result appears beside the original", async () => {
    const { page, expectClean, close } = await openEditor([smallId], { viewport, hasTouch: true });
    const paper = page.locator(".paint-stage .paper");
    await paper.locator("img[alt='a small lake']").waitFor();
    await page.getByText("If you paint nothing, everything may change.").waitFor();
    if (viewport === WIDTHS.phone) await page.getByRole("button", { name: "Brush settings" }).click();
    await page.getByRole("slider", { name: "Hardness" }).fill("100");
    await page.getByRole("slider", { name: "Size" }).last().fill("100");
    const diameter = Number.parseInt((await page.locator(".knob output").first().textContent()) ?? "", 10);
    await page.keyboard.press("Escape");

    const box = await paper.boundingBox();
    if (!box) throw new Error("the picture is not shown");
    const [from, to] = [
      { x: 200, y: 100 },
      { x: 400, y: 180 },
    ];
    const onScreen = ({ x, y }: { x: number; y: number }) =>
      [box.x + (x * box.width) / 640, box.y + (y * box.height) / 320] as const;
    await page.mouse.move(...onScreen(from));
    await page.mouse.down();
    await page.mouse.move(...onScreen(to), { steps: 9 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Undo" }).and(page.locator("[aria-disabled=false]")).waitFor();
    await expectAccessible(page);
    await sendEdit(page);

    const [{ mask, request }] = received as [Received];
    expect(request).toMatchObject({ prompt: "add a boat", size: { width: 640, height: 320 } });
    expect(mask).toMatchObject({ width: 640, height: 320 });
    const wrong: object[] = [];
    for (let y = 0; y < 320; y++) {
      for (let x = 0; x < 640; x++) {
        const distance = distanceTo({ x: x + 0.5, y: y + 0.5 }, from, to) - diameter / 2;
        const alpha = mask?.alpha[y * 640 + x];
        // The edge itself is smooth, and the pointer stands on whole pixels of the screen.
        if ((distance < -2 && alpha !== 0) || (distance > 2 && alpha !== 255)) wrong.push({ x, y, distance, alpha });
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);

    const slider = page.getByRole("slider", { name: "Before and after" });
    expect(await slider.getAttribute("aria-valuenow")).toBe("50");
    await slider.press("ArrowRight");
    await slider.press("PageUp");
    expect(await slider.getAttribute("aria-valuenow")).toBe("62");
    await slider.press("Home");
    expect(await slider.getAttribute("aria-valuenow")).toBe("0");
    await expectAccessible(page);

    await page.getByRole("button", { name: "Edit again" }).click();
    await page.locator(".paint-stage img[alt='add a boat']").waitFor();
    await sendEdit(page);
    expect(received[1]?.mask).toBeUndefined();
    const query = "{ images(first: 1) { nodes { derivedFrom { generation { prompt } } } } }";
    const { body } = await gateway.graphql(query);
    expect(body.data.images.nodes[0].derivedFrom).toEqual([{ generation: { prompt: "add a boat" } }]);
    expectClean();
    await close();
  });

  test("undo, redo, invert and clear change what is sent", async () => {
    const { page, expectClean, close } = await openEditor([smallId], { viewport });
    const first = { x: 10, y: 20, width: 100, height: 50 };
    await page.locator(".paint-stage img").waitFor();
    await paintArea(page, first);
    await paintArea(page, { x: 300, y: 100, width: 40, height: 40 });
    await page.getByRole("button", { name: "Undo" }).click();
    await sendEdit(page);
    expect(transparentArea(received[0]?.mask as NonNullable<Received["mask"]>)).toEqual(first);

    await page.getByRole("button", { name: "Mask", exact: true }).click();
    await page.getByRole("button", { name: "Redo" }).click();
    await page.keyboard.press("Control+z");
    await page.getByRole("button", { name: "Invert the mask" }).click();
    await sendEdit(page);
    const inverted = received[1]?.mask?.alpha as Buffer;
    expect([inverted[0], inverted[20 * 640 + 10], inverted[69 * 640 + 109], inverted[70 * 640 + 110]]).toEqual([
      0, 255, 255, 0,
    ]);

    await page.getByRole("button", { name: "Mask", exact: true }).click();
    await page.getByRole("button", { name: "Clear the mask" }).click();
    await sendEdit(page);
    expect(received[2]?.mask).toBeUndefined();
    expectClean();
    await close();
  });

  test("results appear as they are ready, one is chosen, and nothing is outside the window", async () => {
    const rest = Promise.withResolvers<void>();
    gateway.provider.script = async function* oneByOne(request): AsyncIterable<ProviderEvent> {
      for await (const event of makeImages(request)) {
        yield event;
        await rest.promise;
      }
    };
    const { page, expectClean, close } = await openEditor([smallId], { viewport });
    await page.locator(".paint-stage img").waitFor();
    const isPhone = viewport === WIDTHS.phone;
    if (isPhone) await page.getByRole("button", { name: /^Settings/ }).click();
    await page.getByRole("button", { name: "One more" }).filter({ visible: true }).click();
    if (isPhone) await page.keyboard.press("Escape");
    await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
    await page.getByRole("button", { name: /^Edit 2 / }).click();
    await page.getByText("1 of 2 ready").waitFor();
    const bar = page.locator(".result-bar");
    await bar.getByRole("button", { name: "Edit again" }).waitFor();
    for (const part of await bar.locator("> *").filter({ visible: true }).all()) {
      const { x, width } = (await part.boundingBox()) ?? { x: 0, width: 0 };
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(viewport.width);
    }
    rest.resolve();
    const first = await page.locator(".ba .after img").getAttribute("src");
    await page.getByRole("button", { name: "Result 2" }).click();
    expect(await page.locator(".ba .after img").getAttribute("src")).not.toBe(first);
    await expectAccessible(page);
    expectClean();
    await close();
  });

  test("a refusal is shown with its reason and cost, and the prompt is kept", async () => {
    // biome-ignore lint/correctness/useYield: the provider refuses before its first event
    gateway.provider.script = async function* refuse(): AsyncIterable<ProviderEvent> {
      throw new GatewayError("CONTENT_REJECTED", "marked words of the vendor", { billed: "NO" });
    };
    const { page, expectClean, close } = await openEditor([smallId], { viewport });
    await page.getByRole("textbox", { name: "Prompt" }).fill("something bad");
    await page.getByRole("button", { name: /^Edit / }).click();
    const alert = page.getByRole("alert");
    await alert.getByText("The model declined this prompt").waitFor();
    await alert.getByText("Nothing was charged.").waitFor();
    expect(await page.getByText("marked words").count()).toBe(0);
    expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("something bad");
    await expectAccessible(page);
    await alert.getByRole("button", { name: "Close this message" }).click();
    await page.locator(".paint-stage").waitFor();
    expectClean();
    await close();
  });

  test("without pictures the page says which files it accepts, in Chinese for a Chinese browser", async () => {
    const { page, expectClean, close } = await openEditor([], { viewport });
    await page.getByText("PNG, JPEG or WebP, each smaller than 50 MB, up to 16.").waitFor();
    expect(await page.getByRole("button", { name: /^Edit/ }).getAttribute("aria-disabled")).toBe("true");
    await expectAccessible(page);
    expectClean();
    await close();
    const chinese = await openEditor([smallId], { viewport, locale: "zh-CN" });
    await chinese.page.getByRole("textbox", { name: "提示词" }).waitFor();
    await chinese.page.getByRole("button", { name: "画笔", exact: true }).waitFor();
    chinese.expectClean();
    await chinese.close();
  });
});

function distanceTo(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const share = ((point.x - from.x) * dx + (point.y - from.y) * dy) / (dx * dx + dy * dy);
  const along = Math.min(1, Math.max(0, share));
  return Math.hypot(point.x - from.x - along * dx, point.y - from.y - along * dy);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

test("two fingers zoom and move without painting; one finger paints", async () => {
  const { page, expectClean, close } = await openEditor([smallId], { viewport: WIDTHS.phone, hasTouch: true });
  const paper = page.locator(".paint-stage .paper");
  const before = await paper.boundingBox();
  if (!before) throw new Error("the picture is not shown");
  const client = await page.context().newCDPSession(page);
  const [x, y] = [before.x + before.width / 2, before.y + before.height / 2];
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...points: Point[]) =>
    client.send("Input.dispatchTouchEvent", { type, touchPoints: points.map((point, id) => ({ ...point, id })) });
  await touch("touchStart", { x: x - 20, y });
  await touch("touchStart", { x: x - 20, y }, { x: x + 20, y });
  for (const spread of [30, 45, 60]) await touch("touchMove", { x: x - spread, y }, { x: x + spread, y });
  await touch("touchEnd");
  await poll(
    async () => (await paper.boundingBox())?.width ?? 0,
    (width) => width > before.width * 2,
  );
  expect(await page.getByRole("button", { name: "Undo" }).getAttribute("aria-disabled")).toBe("true");

  await touch("touchStart", { x, y });
  await touch("touchMove", { x: x + 30, y });
  await touch("touchEnd");
  await page.getByRole("button", { name: "Undo" }).and(page.locator("[aria-disabled=false]")).waitFor();
  expectClean();
  await close();
});

test("with only a keyboard, an area of a large picture is painted to the pixel, and the edit is sent", async () => {
  const { page, expectClean, close } = await openEditor([largeId]);
  await page.locator(".paint-stage img").waitFor();
  const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id");
  const tabTo = async (name: string) => {
    for (let presses = 0; (await focused()) !== name; presses++) {
      if (presses > 60) throw new Error(`the Tab key does not reach ${name}`);
      await page.keyboard.press("Tab");
    }
  };
  await tabTo("Area by numbers");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Area by numbers" }).waitFor();
  for (const value of ["1001", "703", "1501", "901"]) {
    await page.keyboard.press("Control+a");
    await page.keyboard.type(value);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await tabTo("prompt");
  await page.keyboard.type("add a boat");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("button", { name: "Edit again" }).waitFor();
  const mask = received[0]?.mask as NonNullable<Received["mask"]>;
  expect(mask).toMatchObject({ width: 3840, height: 2160 });
  expect(transparentArea(mask)).toEqual({ x: 1001, y: 703, width: 1501, height: 901 });
  expectClean();
  await close();
});

test("space around the picture is transparent in the mask, and the picture is sent in its centre", async () => {
  const { page, expectClean, close } = await openEditor([smallId]);
  await page.getByRole("button", { name: /^Size/ }).click();
  await page.getByLabel("Left").fill("160");
  await page.getByLabel("Bottom").fill("80");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await sendEdit(page);
  const [{ request, mask }] = received as [Received];
  expect(request).toMatchObject({ size: { width: 800, height: 400 }, edit: { images: [{ width: 800, height: 400 }] } });
  const alphaAt = (x: number, y: number) => mask?.alpha[y * 800 + x];
  expect([alphaAt(0, 0), alphaAt(167, 200), alphaAt(168, 200), alphaAt(799, 311), alphaAt(799, 312)]).toEqual([
    0, 0, 255, 255, 0,
  ]);
  expectClean();
  await close();
});

test("files are dropped, pasted and chosen, and arrive unchanged; the 17th is refused", async () => {
  const { page, expectClean, close } = await openEditor([]);
  await page.getByText("Edit a picture").waitFor();
  const pictures = await Promise.all(
    Array.from({ length: 17 }, (_, index) => plainImage(64 + index, 64, index, "PNG")),
  );
  const file = (index: number) => toFile(`picture-${index}.png`, pictures[index] as Buffer);
  await hand(page, "drop", [file(0)]);
  await page.getByRole("button", { name: "On the canvas: picture-0.png" }).waitFor();
  await hand(page, "paste", [file(1)]);
  await page.getByRole("list", { name: "Pictures that go in: 2 of 16" }).waitFor();
  await page.getByRole("button", { name: "Add pictures" }).click();
  await page.locator("input[type=file]").setInputFiles(
    [2, 3].map((index) => ({
      name: `picture-${index}.png`,
      mimeType: "image/png",
      buffer: pictures[index] as Buffer,
    })),
  );
  await page.getByRole("list", { name: "Pictures that go in: 4 of 16" }).waitFor();
  await page.keyboard.press("Escape");
  await hand(
    page,
    "drop",
    Array.from({ length: 13 }, (_, index) => file(4 + index)),
  );
  await page.getByRole("list", { name: "Pictures that go in: 16 of 16" }).waitFor();
  await page.getByRole("alert").getByText("An edit takes at most 16 pictures. One was left out.").waitFor();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Remove picture-15.png" }).click();
  await page.getByRole("button", { name: "Bring to the canvas: picture-3.png" }).click();
  await sendEdit(page);
  const order = [3, 0, 1, 2, ...Array.from({ length: 11 }, (_, index) => 4 + index)];
  expect(received[0]?.pictures).toEqual(order.map((index) => sha256(pictures[index] as Buffer)));
  expect(received[0]?.request.size).toEqual({ width: 67, height: 64 });
  expectClean();
  await close();
});

test("a file that is not a picture, or is too large, is not sent, and the page says why", async () => {
  const { page, expectClean, close } = await openEditor([]);
  await page.getByText("Edit a picture").waitFor();
  const png = await plainImage(64, 64, 0, "PNG");
  await hand(page, "drop", [
    toFile("notes.png", Buffer.from("these are notes, and no picture")),
    toFile("half.png", png.subarray(0, 60)),
    toFile("empty.png", Buffer.alloc(0)),
    toFile("whole.png", png),
  ]);
  const alert = page.getByRole("alert");
  await alert.getByText("“notes.png” is not a PNG, JPEG or WebP file.").waitFor();
  await alert.getByText("“half.png” cannot be shown.").waitFor();
  await alert.getByText("“empty.png” is empty.").waitFor();
  await page.getByRole("list", { name: "Pictures that go in: 1 of 16" }).waitFor();
  await page.evaluate(`(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(50_000_000)], "huge.png", { type: "image/png" }));
    document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  })()`);
  await alert.getByText("“huge.png” has 50 MB. A picture must be smaller than 50 MB.").waitFor();
  await page.getByRole("list", { name: "Pictures that go in: 1 of 16" }).waitFor();
  expectClean();
  await close();
});

test("previews appear over the picture while the edit runs, and it can be canceled", async () => {
  const called = Promise.withResolvers<void>();
  gateway.provider.script = async function* preview({ size }, signal): AsyncIterable<ProviderEvent> {
    yield {
      type: "partial",
      index: 0,
      partialIndex: 0,
      bytes: once(await plainImage(size.width, size.height, 1, "PNG")),
    };
    called.resolve();
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const { page, expectClean, close } = await openEditor([smallId]);
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  await page.getByRole("button", { name: /^Edit / }).click();
  await called.promise;
  await page.locator(".ba img.preview").waitFor();
  await page.getByText("Being made").waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Canceled. Nothing was made.").waitFor();
  await page.getByRole("button", { name: "Back to the mask" }).click();
  await page.locator(".paint-stage").waitFor();
  expectClean();
  await close();
});

test("an old answer that arrives after an event removes no result", async () => {
  const [asked, late, rest] = [0, 1, 2].map(() => Promise.withResolvers<void>()) as [Resolvers, Resolvers, Resolvers];
  gateway.provider.script = async function* oneByOne(request): AsyncIterable<ProviderEvent> {
    await asked.promise;
    for await (const event of makeImages(request)) {
      yield event;
      await rest.promise;
    }
  };
  const { page, expectClean, close } = await openEditor([smallId]);
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("query Generation(")) return route.fallback();
    const response = await route.fetch();
    asked.resolve();
    await late.promise;
    await route.fulfill({ response });
  });
  await page.getByRole("button", { name: "One more" }).click();
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  await page.getByRole("button", { name: /^Edit 2 / }).click();
  await page.getByText("1 of 2 ready").waitFor();
  const answered = page.waitForEvent("requestfinished", (request) =>
    Boolean(request.postData()?.includes("query Generation(")),
  );
  late.resolve();
  await answered;
  // The page has read the answer by then.
  await page.evaluate("new Promise((resolve) => setTimeout(resolve))");
  expect(await page.locator(".result-bar").getByRole("status").innerText()).toBe("1 of 2 ready");
  rest.resolve();
  await page.getByRole("button", { name: "Result 2" }).waitFor();
  expectClean();
  await close();
});

test("an edit is sent only once while the gateway answers late", async () => {
  const { page, expectClean, close } = await openEditor([smallId]);
  const late = Promise.withResolvers<void>();
  let edits = 0;
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("editImages")) return route.continue();
    edits++;
    await late.promise;
    return route.continue();
  });
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  await page.getByRole("button", { name: /^Edit / }).click();
  const sending = page.getByRole("button", { name: /^Sending/ });
  await sending.waitFor();
  await sending.click({ force: true });
  await page.getByRole("textbox", { name: "Prompt" }).press("Control+Enter");
  late.resolve();
  await page.getByRole("button", { name: "Edit again" }).waitFor();
  expect(edits).toBe(1);
  expect(received).toHaveLength(1);
  expectClean();
  await close();
});

test("a model without masks is sent none, the page says so, and the number of pictures is shown before sending", async () => {
  const { page, expectClean, close } = await openEditor([smallId]);
  await page.locator(".paint-stage img").waitFor();
  await paintArea(page, { x: 0, y: 0, width: 64, height: 64 });
  await page.getByRole("button", { name: "Model" }).click();
  await expectAccessible(page);
  await page.getByRole("radio", { name: /^small-editor-1/ }).click();
  await page.getByRole("alert").getByText("small-editor-1 takes no mask").waitFor();
  await page.getByText("Painting is off: small-editor-1 takes no mask.").waitFor();
  await sendEdit(page);
  expect(received[0]?.mask).toBeUndefined();
  const pictures = await Promise.all([1, 2].map((index) => plainImage(64, 64, index, "PNG")));
  await hand(
    page,
    "drop",
    pictures.map((bytes, index) => toFile(`${index}.png`, bytes)),
  );
  await page.getByRole("alert").getByText("small-editor-1 takes at most 2 pictures").waitFor();
  expect(await page.getByRole("button", { name: "Edit", exact: true }).getAttribute("aria-disabled")).toBe("true");
  expectClean();
  await close();
});

test("the editor opens from a picture, or when one is dropped onto the prompt bar, with the prompt in it", async () => {
  const { page, expectClean, close } = await openStudio(browser, gateway.url, { at: `#/image/${smallId}` });
  await page.getByLabel("More actions").getByRole("link", { name: "Edit" }).click();
  await page.locator(".paint-stage img[alt='a small lake']").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "a small lake" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("textbox", { name: "Prompt" }).fill("make it night");
  await dragTo(page, `.wall a[href$='${largeId}']`, ".dock");
  await page.locator(".paint-stage img[alt='a large lake']").waitFor();
  expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("make it night");
  await page.getByRole("button", { name: "Add pictures" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "a small lake" }).click();
  await page.getByRole("list", { name: "Pictures that go in: 2 of 16" }).waitFor();
  expectClean();
  await close();
});

test('"use again" fills the editor with pictures and settings, and Undo restores what was there', async () => {
  const edit = "mutation ($input: EditImagesInput!) { editImages(input: $input) { images { id } } }";
  const images = [{ id: largeId }, { id: smallId }];
  const input = { prompt: "both at night", images, n: 2, size: "320x192", format: "WEBP" };
  const { body } = await gateway.graphql(edit, { input });
  const [{ id }] = body.data.editImages.images;
  const { page, expectClean, close } = await openEditor([]);
  const prompt = page.getByRole("textbox", { name: "Prompt" });
  await page.getByRole("heading", { name: "Edit a picture" }).waitFor();
  const own = await sharp({ create: { width: 96, height: 64, channels: 3, background: "#246" } })
    .png()
    .toBuffer();
  await hand(page, "drop", [toFile("own.png", own)]);
  await page.locator(".paint-stage img[alt='own.png']").waitFor();
  await prompt.fill("my own words");

  await page.evaluate(`location.hash = "#/image/${id}"`);
  await page.getByRole("button", { name: "Use again" }).click();
  await page.getByRole("list", { name: "Pictures that go in: 2 of 16" }).waitFor();
  await page.locator(".paint-stage img[alt='a large lake']").waitFor();
  expect(await prompt.inputValue()).toBe("both at night");
  await page.locator(".dock .chip.wide").getByText("320×192").waitFor();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Undo" }).last().click();
  const back = page.locator(".paint-stage img[alt='own.png']");
  await back.waitFor();
  await until(page, "document.querySelector('.paint-stage img').naturalWidth === 96");
  expect(await prompt.inputValue()).toBe("my own words");

  // The wall leads to the editor too.
  await page.evaluate("location.hash = '#/'");
  await page.locator(`.wall a[href$='${id}']`).hover();
  await page
    .locator(".wall .tile", { has: page.locator(`a[href$='${id}']`) })
    .getByLabel("Use again")
    .click();
  await page.locator(".paint-stage img[alt='a large lake']").waitFor();
  expectClean();
  await close();
});

test("a failed edit can be changed where it was made, or in another tab, which gets its pictures", async () => {
  // biome-ignore lint/correctness/useYield: the provider refuses before its first event
  gateway.provider.script = async function* refuse(): AsyncIterable<ProviderEvent> {
    throw new GatewayError("CONTENT_REJECTED", "no", { billed: "NO" });
  };
  const { page, expectClean, close } = await openEditor([smallId]);
  const prompt = page.getByRole("textbox", { name: "Prompt" });
  const own = await sharp({ create: { width: 96, height: 64, channels: 3, background: "#246" } })
    .png()
    .toBuffer();
  await page.locator(".paint-stage img[alt='a small lake']").waitFor();
  await hand(page, "drop", [toFile("own.png", own)]);
  const inputs = (count: number) => page.getByRole("list", { name: `Pictures that go in: ${count} of 16` });
  await inputs(2).waitFor();
  await prompt.fill("a storm over it");
  await page.getByRole("button", { name: /^Edit / }).click();
  await page.getByText("The model declined this prompt").waitFor();

  // The wall shows the reason, and leads back to the file and the picture of the edit.
  await page.evaluate("location.hash = '#/'");
  await prompt.fill("something else");
  await page.locator(".run").getByRole("button", { name: "Change the edit" }).click();
  await inputs(2).waitFor();
  await page.locator(".paint-stage img[alt='a small lake']").waitFor();
  expect(await prompt.inputValue()).toBe("a storm over it");
  expectClean();
  await close();

  // Another tab does not have this tab's file. It gets the stored picture from the gateway.
  const other = await openStudio(browser, gateway.url, { at: "#/?show=failed" });
  await other.page.getByRole("button", { name: "Use again" }).first().click();
  await other.page.getByRole("list", { name: "Pictures that go in: 1 of 16" }).waitFor();
  await other.page.locator(".paint-stage img[alt='a small lake']").waitFor();
  expect(await other.page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("a storm over it");
  other.expectClean();
  await other.close();
});

describe("with OpenAI", () => {
  let api: StrictImageApi;
  let priced: ScriptedGateway;

  beforeAll(async () => {
    api = await startStrictImageApi();
    priced = await startScriptedGateway({ openai: { apiKey: api.apiKey, baseUrl: api.baseUrl } });
  });

  afterAll(async () => {
    await priced.close();
    await api.close();
  });

  test("the button shows the price of an uploaded picture, and OpenAI gets the mask", async () => {
    const { page, expectClean, close } = await openStudio(browser, priced.url, { at: "#/edit" });
    await page.getByText("Edit a picture").waitFor();
    await hand(page, "drop", [toFile("photo.png", await plainImage(1024, 1024, 0, "PNG"))]);
    await page.getByRole("button", { name: "Model" }).click();
    await page.getByRole("radio", { name: /^gpt-image-2 .*\$/ }).click();
    await paintArea(page, { x: 100, y: 100, width: 300, height: 300 });
    await page.getByRole("button", { name: /^Edit .*\$0\.\d\d/ }).waitFor();
    await page.getByRole("button", { name: "Quality" }).click();
    await page.getByRole("radio", { name: /^Extra high.*Off: gpt-image-2 does not make it/ }).waitFor();
    await page.keyboard.press("Escape");
    await sendEdit(page);
    expectClean();
    await close();
  });
});

test("a used-up budget refuses an edit with an explanation, and keeps the prompt", async () => {
  const prices = [{ from: "2026-01-01", source: "a test", perImage: "0.25" }];
  const keyed = await startKeyedGateway({}, [{ ...ANY_SIZE_EDITOR, prices }]);
  const projectId = await keyed.createProject({ limits: { budgets: [{ window: "DAY", limitUsd: "0.30" }] } });
  const { headers, token } = await keyed.createKey(projectId);
  const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }";
  const { body } = await keyed.graphql(query, { input: { prompt: "a lake", size: "640x320" } }, headers);
  const { id } = body.data.generateImages.images[0];
  const { page, close } = await openStudio(browser, keyed.url, { at: `#/edit/${id}` });
  await page.getByLabel("Key", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Open" }).click();
  await page.locator(".paint-stage .paper img").waitFor();
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  const edit = page.getByRole("button", { name: /^Edit / });
  await edit.getByText("$0.25").waitFor();
  await edit.click();
  await page
    .getByRole("alert")
    .getByText(/budget/i)
    .first()
    .waitFor();
  expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("add a boat");
  await expectAccessible(page);
  await close();
  await keyed.close();
});

test("after a gateway restarts in the middle of an edit the studio reconnects, and the edit is made once", async () => {
  const api = await startStrictImageApi();
  const env = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl };
  await using first = await startGatewayProcess({ env });
  const { port } = new URL(first.url);
  const data = { PICTOGRAPH_DATA_DIR: first.dataDirectory, PORT: port };
  const { page, close } = await openStudio(browser, first.url, { at: "#/edit" });
  await page.getByRole("heading", { name: "Edit a picture" }).waitFor();
  await hand(page, "drop", [
    toFile(
      "a lake.png",
      await sharp(await plainImage(64, 64, 1, "PNG"))
        .png()
        .toBuffer(),
    ),
  ]);
  await page.locator(".paint-stage .paper img").waitFor();
  await page.getByRole("textbox", { name: "Prompt" }).fill("add a boat");
  await page
    .getByRole("button", { name: /^Edit / })
    .getByText("$")
    .waitFor();
  await first.kill();
  await page.getByRole("button", { name: /^Edit / }).click();
  await page.getByText("Sending…").waitFor();

  await using second = await startGatewayProcess({ env: { ...env, ...data } });
  expect(second.url).toBe(first.url);
  await page.getByRole("button", { name: "Edit again" }).waitFor();
  expect(api.requests).toHaveLength(1);
  await close();
  await api.close();
});
