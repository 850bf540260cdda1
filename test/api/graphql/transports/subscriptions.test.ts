import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { ModelDescription } from "../../../../src/ports/image-provider.ts";
import {
  type Follow,
  follow,
  GENERATION_EVENTS,
  overSocket,
  overStream,
  type SeenEvent,
  toWords,
} from "../../../support/clients/live-clients.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../../../support/gateways/scripted-provider.ts";

const MODEL: ModelDescription = { ...ANY_SIZE_MODEL, previews: { maxPartialImages: 3, maxImages: 10 } };
const TRANSPORTS: readonly (readonly [string, Follow])[] = [
  ["graphql-transport-ws", overSocket],
  ["server-sent events", overStream],
];

let gateway: ScriptedGateway;

beforeEach(async () => {
  gateway = await startScriptedGateway({}, [MODEL]);
});

afterEach(() => gateway.close());

async function submit(input: object = {}): Promise<string> {
  const { body } = await gateway.graphql(
    "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }",
    { input: { prompt: "a fox", size: "64x64", waitSeconds: 0, ...input } },
  );
  return body.data.generateImages.id;
}

/** Shows a preview before each image, and continues when that was seen. */
function showAndWait() {
  const steps = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  gateway.provider.script = async function* (request) {
    await steps[0]?.promise;
    for await (const image of makeImages(request)) {
      if (image.type !== "image") continue;
      const bytes = once(await plainImage(64, 64, image.index, "png"));
      yield { type: "partial", index: image.index, partialIndex: 0, bytes };
      await steps[image.index + 1]?.promise;
      yield image;
    }
  };
  return (step: number) => steps[step]?.resolve();
}

describe.each(TRANSPORTS)("generationEvents over %s", (_name, transport) => {
  test("reports every event as it happens, with URLs that work", async () => {
    const release = showAndWait();
    const id = await submit({ n: 2, partialImages: 1 });
    const story: SeenEvent[] = [];
    for await (const event of follow(transport, gateway.url, id)) {
      story.push(event);
      if (toWords(event) === "status RUNNING") release(0);
      if (event.imageIndex !== undefined) {
        const picture = await fetch(event.url ?? "");
        expect(picture.headers.get("content-type")).toBe("image/webp");
        release(event.imageIndex + 1);
      }
      if (event.image) {
        const picture = await fetch(event.image.url);
        expect((await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).width).toBe(64);
      }
    }

    const words = story.map(toWords).filter((event) => event !== "status QUEUED");
    expect(words).toEqual(["status RUNNING", "partial 0.0", "image 0", "partial 1.0", "image 1", "status SUCCEEDED"]);
    expect(story.at(-1)?.generation?.images).toEqual([{ index: 0 }, { index: 1 }]);
    expect(story[0]?.generation?.images).toEqual([]);
    for (const { url, image } of story) expect(url ?? image?.url ?? gateway.url).toContain(gateway.url);
  });

  test("starts a late client with the present state, and ends immediately if the generation has ended", async () => {
    const release = showAndWait();
    const id = await submit({ n: 2, partialImages: 1 });
    release(0);
    release(1);
    for await (const event of follow(transport, gateway.url, id)) if (event.imageIndex === 1) break;
    const late = Array.fromAsync(follow(transport, gateway.url, id), (event) => {
      if (event.imageIndex === 1) release(2);
      return toWords(event);
    });
    const story = await late;
    const after = await Array.fromAsync(follow(transport, gateway.url, id), toWords);

    expect(story[0]).toBe("status RUNNING");
    expect(story.slice(1, 3).sort()).toEqual(["image 0", "partial 1.0"]);
    expect(story.slice(3)).toEqual(["image 1", "status SUCCEEDED"]);
    expect(after).toEqual(["status SUCCEEDED", "image 0", "image 1"]);
  });

  test("ends when the generation is canceled, fails or is deleted", async () => {
    const hold = holdCalls(gateway.provider);
    const id = await submit();
    await hold.called;
    const story: string[] = [];
    for await (const event of follow(transport, gateway.url, id)) {
      story.push(toWords(event));
      if (story.length === 1) await gateway.graphql("mutation ($id: ID!) { deleteGeneration(id: $id) }", { id });
    }
    // biome-ignore lint/correctness/useYield: it fails before its first image
    gateway.provider.script = async function* () {
      throw new Error("secret");
    };
    const failing = await Array.fromAsync(follow(transport, gateway.url, await submit()));

    expect(story[0]).toBe("status RUNNING");
    expect([["status RUNNING"], ["status RUNNING", "status CANCELED"]]).toContainEqual(story);
    expect(failing.at(-1)?.generation).toMatchObject({ status: "FAILED", failure: { code: "INTERNAL" } });
  });

  test.each([
    ["an unknown id", { id: "gen_01jd0000000000000000000000" }, "NOT_FOUND", "id"],
    ["an image's id", { id: "img_01jd0000000000000000000000" }, "NOT_FOUND", "id"],
    ["a number", { id: 12 }, "NOT_FOUND", "id"],
    ["an object", { id: { gen: 1 } }, "BAD_USER_INPUT", "id"],
    ["a list", { id: ["gen_1"] }, "BAD_USER_INPUT", "id"],
    ["null", { id: null }, "BAD_USER_INPUT", "id"],
    ["nothing", {}, "BAD_USER_INPUT", "id"],
  ])("refuses %s", async (_id, variables, code, field) => {
    const [error] = await errorsOf(transport, { query: GENERATION_EVENTS, variables });

    expect(error).toMatchObject({ extensions: { code, field } });
  });

  test.each([
    ["a text that is not a document", "{", "GRAPHQL_PARSE_FAILED"],
    ["an unknown field", "{ nope }", "GRAPHQL_VALIDATION_FAILED"],
    [
      "two at once",
      `subscription { generationEvents(id: "1") { __typename } __typename }`,
      "GRAPHQL_VALIDATION_FAILED",
    ],
    ["a document that is too large", `{ ${"a: __typename ".repeat(3000)} }`, "GRAPHQL_PARSE_FAILED"],
  ])("refuses %s as every transport does", async (_name, query, code) => {
    const [error] = await errorsOf(transport, { query });

    expect(error).toMatchObject({ message: expect.any(String), extensions: { code } });
  });

  test("shares its transport with queries and mutations, which have the same limits and errors", async () => {
    const mutation =
      "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { status images { url } } }";
    const run = (query: string, variables?: Record<string, unknown>) =>
      Array.fromAsync(transport(gateway.url, { query, ...(variables && { variables }) }));
    const input = { prompt: "a fox", size: "64x64" };
    const [made, ...more] = await run(mutation, { input });
    const [refused] = await run(mutation, { input: { ...input, prompt: " " } });

    expect(await run("{ models { isDefault } }")).toMatchObject([{ data: { models: [{ isDefault: true }, {}] } }]);
    expect(made?.data?.generateImages).toMatchObject({ status: "SUCCEEDED", images: [{ url: expect.any(String) }] });
    expect(more).toEqual([]);
    expect(refused).toMatchObject({
      data: null,
      errors: [{ path: ["generateImages"], extensions: { code: "BAD_USER_INPUT", field: "prompt" } }],
    });
  });
});

/** The errors of a request: an error message over a socket, an answer in a stream. */
async function errorsOf(transport: Follow, request: Parameters<Follow>[1]): Promise<readonly object[]> {
  try {
    const [answer] = await Array.fromAsync(transport(gateway.url, request));
    return answer?.errors ?? [];
  } catch (errors) {
    return errors as object[];
  }
}
