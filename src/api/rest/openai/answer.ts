import type { Response } from "express";
import type { TokenDetails, TokenUsage } from "../../../ports/image-provider.ts";
import type { OpenObject } from "../../../ports/object-store.ts";
import type { Generation } from "../../../ports/records.ts";
import { toSizeText } from "../../../service/images/sizes.ts";
import { endWithJson } from "../keep-alive.ts";
import { type Base64Sender, lengthOf, textOf } from "./base64-sender.ts";

/** Answers with one URL for each image in `data`. */
export function answerUrls(response: Response, generation: Generation, urls: readonly string[]): void {
  const data = urls.map((url) => ({ url }));
  endWithJson(response, describeAnswer(generation, data));
}

/** Answers with the images as base64 in `data`. The text is sent while the image is read, and never held as a whole. */
export async function answerBase64(
  response: Response,
  sender: Base64Sender,
  generation: Generation,
  objects: readonly OpenObject[],
): Promise<void> {
  const [head, tail] = around("data", [], describeAnswer(generation, []));
  const images = objects.flatMap((object, index) => [index > 0 ? ',{"b64_json":"' : '{"b64_json":"', object, '"}']);
  const parts = [`${head}[`, ...images, `]${tail}`];
  // If white space was sent, the headers were sent too.
  if (!response.headersSent) {
    response.set({
      "Content-Type": "application/json; charset=utf-8",
      // Express' compression in a host program never says when a piece is sent, and its memory may be used again.
      "Cache-Control": "no-store, no-transform",
      "Content-Length": String(lengthOf(parts)),
    });
  }
  await sender.send(response, parts);
}

/** Creates a server-sent event with an image as base64, which is read while it is sent. */
export async function* toImageEvent(
  type: string,
  generation: Generation,
  object: OpenObject,
  more: object = {},
): AsyncGenerator<string> {
  const { createdAt, background, format, quality, requestedSize } = generation;
  const [head, tail] = around("b64_json", "", {
    type,
    b64_json: "",
    background: background.toLowerCase(),
    created_at: toSeconds(createdAt),
    output_format: format.toLowerCase(),
    quality: quality.toLowerCase(),
    size: toSizeText(requestedSize),
    ...more,
  });
  yield* textOf([`event: ${type}\ndata: ${head}"`, object, `"${tail}\n\n`]);
}

/** The members that only the last event of a stream has. */
export function describeEnd({ usage, safetyIdentifier, edit }: Generation): object {
  return {
    ...(usage && { usage: toUsage(usage, edit !== undefined) }),
    ...(safetyIdentifier !== undefined && { safety_identifier: safetyIdentifier }),
  };
}

/** Returns the JSON text before and after the value of the member `name`, which holds `placeholder`. */
function around(name: string, placeholder: unknown, value: object): readonly [head: string, tail: string] {
  const text = JSON.stringify(value);
  const member = `"${name}":${JSON.stringify(placeholder)}`;
  const start = text.indexOf(member);
  return [text.slice(0, start + name.length + 3), text.slice(start + member.length)];
}

/**
 * Describes the images. `created` comes first, as in OpenAI's answers. Values that are not known are left out, such as
 * the quality that AUTO chose.
 */
function describeAnswer(generation: Generation, data: readonly object[]): object {
  const { createdAt, background, format, quality, requestedSize } = generation;
  return {
    created: toSeconds(createdAt),
    ...(background !== "AUTO" && { background: background.toLowerCase() }),
    data,
    output_format: format.toLowerCase(),
    ...(quality !== "AUTO" && { quality: quality.toLowerCase() }),
    size: toSizeText(requestedSize),
    ...describeEnd(generation),
  };
}

/**
 * Formats token usage. Strict clients require `input_tokens_details`. Without input images, all input tokens are text.
 */
function toUsage(usage: TokenUsage, isEdit: boolean): object {
  const { inputTokens, outputTokens, totalTokens, outputDetails } = usage;
  const { inputDetails = isEdit ? undefined : { textTokens: inputTokens, imageTokens: 0 } } = usage;
  return {
    input_tokens: inputTokens,
    ...(inputDetails && { input_tokens_details: toDetails(inputDetails) }),
    output_tokens: outputTokens,
    ...(outputDetails && { output_tokens_details: toDetails(outputDetails) }),
    total_tokens: totalTokens,
  };
}

function toDetails({ imageTokens, textTokens }: TokenDetails): object {
  return { image_tokens: imageTokens, text_tokens: textTokens };
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
