import {
  MAX_IMAGES,
  MAX_PARTIAL_IMAGES,
  MAX_PROMPT_LENGTH,
  MAX_SAFETY_IDENTIFIER_LENGTH,
} from "../../../service/generations/generation-input.ts";
import { ParameterError } from "./errors.ts";

/** The values of a parameter, and how one is read; `isForm` where a form could only send text. */
export interface Parameter<Value> {
  /** As a JSON schema. */
  readonly schema: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  read(name: string, value: unknown, isForm: boolean): Value;
}

/** What both doors of images take. */
export const SHARED_PARAMETERS = {
  prompt: text({ minLength: 1, maxLength: MAX_PROMPT_LENGTH }),
  model: text({ minLength: 1 }),
  n: integer(1, MAX_IMAGES),
  size: text({ minLength: 1 }),
  quality: oneOf("auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"),
  background: oneOf("auto", "opaque", "transparent"),
  output_format: oneOf("png", "jpeg", "webp"),
  output_compression: integer(0, 100),
  moderation: oneOf("auto", "low"),
  safety_identifier: text({ maxLength: MAX_SAFETY_IDENTIFIER_LENGTH }),
  user: text({ maxLength: MAX_SAFETY_IDENTIFIER_LENGTH }),
  stream: boolean(),
  partial_images: integer(0, MAX_PARTIAL_IMAGES),
  response_format: oneOf("url", "b64_json"),
} as const;

/** What both doors of images were asked. */
export type ImageParameters = Values<typeof SHARED_PARAMETERS>;

export const GENERATION_PARAMETERS = { ...SHARED_PARAMETERS, style: oneOf("vivid", "natural") } as const;

/** `input_fidelity` is what only retired models understand. */
export const EDIT_PARAMETERS = { ...SHARED_PARAMETERS, input_fidelity: oneOf("high", "low") } as const;

/** What OpenAI documents and no model behind this gateway can do. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "complexity",
  "frame_count",
  "frame_duration_ms",
  "svg",
  "prompt_rewriter",
  "markup",
]);

/** The longest name of an unknown parameter that is repeated to its sender. */
const MAX_NAME_LENGTH = 64;

type Values<Parameters extends Readonly<Record<string, Parameter<unknown>>>> = {
  readonly [Name in keyof Parameters]?: Parameters[Name] extends Parameter<infer Value> ? Value : never;
};

export interface Fields {
  readonly values: ReadonlyMap<string, unknown>;
  /** Whether they came in a form, where everything is text. */
  readonly isForm: boolean;
}

/**
 * Reads parameters as OpenAI documents them. `null` stands for what was left out.
 *
 * @throws ParameterError for the first that is unknown, and then for the first of a wrong type or out of range
 */
export function readParameters<Parameters extends Readonly<Record<string, Parameter<unknown>>>>(
  parameters: Parameters,
  { values, isForm }: Fields,
): Values<Parameters> {
  for (const name of values.keys()) refuseUnlessKnown(parameters, name);
  const given = Object.entries(parameters).filter(([name]) => (values.get(name) ?? null) !== null);
  const read = given.map(([name, parameter]) => [name, parameter.read(name, values.get(name), isForm)]);
  return Object.fromEntries(read) as Values<Parameters>;
}

/** @throws ParameterError when `name` is none of the parameters */
export function refuseUnlessKnown(parameters: object, name: string): void {
  if (Object.hasOwn(parameters, name)) return;
  if (UNSUPPORTED.has(name)) {
    throw new ParameterError("unsupported_parameter", name, `Unsupported parameter: '${name}' is not supported here.`);
  }
  const shown = name.slice(0, MAX_NAME_LENGTH);
  throw new ParameterError("unknown_parameter", shown, `Unknown parameter: '${shown}'.`);
}

/** @throws ParameterError when `value` is missing */
export function required<Value>(name: string, value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new ParameterError("missing_required_parameter", name, `Missing required parameter: '${name}'.`);
}

function text({ minLength = 0, maxLength }: { minLength?: number; maxLength?: number }): Parameter<string> {
  return {
    schema: { type: "string", ...(minLength > 0 && { minLength }), ...(maxLength !== undefined && { maxLength }) },
    read(name, value) {
      if (typeof value !== "string") throw wrongType(name, "a string", value);
      if (value.length < minLength) {
        const message = `Invalid '${name}': empty string. Expected a string with minimum length ${minLength}.`;
        throw new ParameterError("empty_string", name, message);
      }
      if (maxLength !== undefined && isLonger(value, maxLength)) {
        const message = `Invalid '${name}': string too long. Expected a string with maximum length ${maxLength}.`;
        throw new ParameterError("string_above_max_length", name, message);
      }
      return value;
    },
  };
}

/** In code points, of which each is one or two code units. */
function isLonger(value: string, maxLength: number): boolean {
  if (value.length <= maxLength) return false;
  return value.length > 2 * maxLength || [...value].length > maxLength;
}

function integer(minimum: number, maximum: number): Parameter<number> {
  return {
    schema: { type: "integer", minimum, maximum },
    read(name, value, isForm) {
      const number = isForm && typeof value === "string" && /^-?[0-9]{1,9}$/.test(value) ? Number(value) : value;
      if (typeof number !== "number" || !Number.isInteger(number)) throw wrongType(name, "an integer", value);
      if (number < minimum) {
        const message = `Invalid '${name}': integer below minimum value. Expected a value >= ${minimum}.`;
        throw new ParameterError("integer_below_min_value", name, message);
      }
      if (number > maximum) {
        const message = `Invalid '${name}': integer above maximum value. Expected a value <= ${maximum}.`;
        throw new ParameterError("integer_above_max_value", name, message);
      }
      return number;
    },
  };
}

function boolean(): Parameter<boolean> {
  return {
    schema: { type: "boolean" },
    read(name, value, isForm) {
      if (typeof value === "boolean") return value;
      if (isForm && (value === "true" || value === "false")) return value === "true";
      throw wrongType(name, "a boolean", value);
    },
  };
}

function oneOf<const Word extends string>(...words: readonly Word[]): Parameter<Word> {
  return {
    schema: { type: "string", enum: words },
    read(name, value) {
      if (typeof value !== "string") throw wrongType(name, `one of ${list(words)}`, value);
      const word = words.find((candidate) => candidate === value);
      if (word) return word;
      const message = `Invalid value for '${name}'. Supported values are: ${list(words)}.`;
      throw new ParameterError("invalid_value", name, message);
    },
  };
}

function list(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(", ");
}

/** The value itself is not repeated: it may be a prompt in the wrong place. */
function wrongType(name: string, expected: string, value: unknown): ParameterError {
  const message = `Invalid type for '${name}': expected ${expected}, but got ${typeOf(value)} instead.`;
  return new ParameterError("invalid_type", name, message);
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
