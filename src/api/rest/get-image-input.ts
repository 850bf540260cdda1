import { z } from "zod";
import { MAX_IMAGES } from "../../bounds.ts";
import { badInput } from "../../errors.ts";
import type { GenerationInput } from "../../service/generations/generation-input.ts";
import { MAX_RATIO, MAX_SIDE, MIN_SIDE } from "../../service/images/sizes.ts";
import type { FormFields } from "../http/bodies/form-body.ts";
import { PROMPT_SCHEMA, SIZE_FORMAT, sizePattern } from "./request-schema.ts";

export const GET_IMAGE_EXAMPLE = {
  prompt: "A cute asian girl with long hair smiling and looking at me",
  n: "2",
  size: "1024x1024",
};

/** The sign between the two sides, in all the ways in which people write it. */
const SIZE_SIGN = " ?[xX×] ?";

const WRONG_COUNT = {
  error: ({ input }: { readonly input: unknown }) =>
    isMissing(input) ? missing("n", "2") : `n must be a whole number from 1 to ${MAX_IMAGES}`,
};

/**
 * The parameters of `POST /get-image`. This schema checks them, gives them their types, and describes them in the
 * OpenAPI document.
 */
export const GetImageRequest = z.looseObject({
  prompt: text("prompt", "A red fox in the snow").meta({
    ...PROMPT_SCHEMA,
    description: "What the images show",
    examples: [GET_IMAGE_EXAMPLE.prompt],
  }),
  n: z
    .union(
      [
        z.int(WRONG_COUNT).min(1, WRONG_COUNT).max(MAX_IMAGES, WRONG_COUNT),
        z.string().regex(/^0{0,8}([1-9]|10)$/, WRONG_COUNT),
      ],
      WRONG_COUNT,
    )
    .meta({ description: `How many: 1 to ${MAX_IMAGES}`, examples: [GET_IMAGE_EXAMPLE.n] })
    .transform(Number),
  size: text("size", GET_IMAGE_EXAMPLE.size)
    .meta({
      pattern: `^${sizePattern(SIZE_SIGN)}$`,
      format: SIZE_FORMAT,
      description: `WIDTHxHEIGHT in pixels: ${MIN_SIDE} to ${MAX_SIDE} a side, ratio 1:${MAX_RATIO} to ${MAX_RATIO}:1`,
      examples: [GET_IMAGE_EXAMPLE.size],
    })
    .transform((size) => size.replace(new RegExp(`^([0-9]+)${SIZE_SIGN}([0-9]+)$`), "$1x$2")),
});

/**
 * Reads the parameters. The service checks the prompt and the size further.
 *
 * @throws BAD_USER_INPUT naming the field as the contract of 2022 calls it
 */
export function readGetImage(fields: FormFields): GenerationInput {
  const { data, error } = GetImageRequest.safeParse(Object.fromEntries(fields));
  if (data) return { prompt: data.prompt, n: data.n, size: data.size };
  const [issue] = error.issues;
  throw badInput(String(issue?.path[0] ?? "body"), issue?.message ?? "the body cannot be read");
}

function text(name: string, example: string): z.ZodString {
  const error = ({ input }: { readonly input: unknown }) =>
    isMissing(input) ? missing(name, example) : `${name} must be text, such as "${example}"`;
  return z.string({ error }).min(1, { error });
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function missing(name: string, example: string): string {
  return `${name} is missing; send it as text, such as "${example}"`;
}
