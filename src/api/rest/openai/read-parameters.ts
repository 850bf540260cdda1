import { z } from "zod";
import { ParameterError, type ParameterFault } from "./errors.ts";
import { type Parameters, RULES, UNSUPPORTED } from "./parameters.ts";

export interface Fields {
  readonly values: ReadonlyMap<string, unknown>;
  /** Whether the parameters came in a form, where every value is text. */
  readonly isForm: boolean;
}

/** The most characters of an unknown parameter's name that an error repeats. */
const MAX_NAME_LENGTH = 64;

/**
 * Reads parameters as OpenAI documents them. `null` counts as absent. In a form, `null` is a text, because some
 * libraries write it so.
 *
 * @throws ParameterError for the first unknown parameter, or else for the first one of a wrong type or out of range
 */
export function readParameters<Schema extends z.ZodObject>(
  schema: Schema,
  { values, isForm }: Fields,
): Parameters<Schema> {
  for (const name of values.keys()) refuseUnlessKnown(schema, name);
  const isLeftOut = (name: string, value: unknown) =>
    value === null ||
    value === undefined ||
    (isForm && value === "null" && schema.shape[name] instanceof z.ZodOptional);
  const given = new Map([...values].filter(([name, value]) => !isLeftOut(name, value)));
  const read = [...given].map(([name, value]) => [name, isForm ? fromForm(schema.shape[name], value) : value]);
  const { data, error } = schema.safeParse(Object.fromEntries(read));
  if (error) throw toParameterError(error, given);
  for (const { when, allows, message } of RULES) {
    const [condition, value] = [data[when.name] ?? (when.byDefault ? when.is : undefined), data[allows.name]];
    const isAllowed = condition !== when.is || value === undefined || allows.is.includes(value as string | number);
    if (!isAllowed) throw new ParameterError("invalid_value", allows.name, message);
  }
  return data as Parameters<Schema>;
}

/** @throws ParameterError when `name` is not a parameter */
export function refuseUnlessKnown({ shape }: z.ZodObject, name: string): void {
  if (Object.hasOwn(shape, name)) return;
  if (UNSUPPORTED.has(name)) {
    throw new ParameterError("unsupported_parameter", name, `Unsupported parameter: '${name}' is not supported here.`);
  }
  const shown = name.slice(0, MAX_NAME_LENGTH);
  throw new ParameterError("unknown_parameter", shown, `Unknown parameter: '${shown}'.`);
}

/**
 * Converts a form's text to the type that the schema expects. Returns the text itself when it is not a value of that
 * type.
 */
function fromForm(schema: unknown, value: unknown): unknown {
  const inner = innermost(schema);
  if (typeof value !== "string") return value;
  if (inner instanceof z.ZodNumber && /^-?[0-9]{1,9}$/.test(value)) return Number(value);
  if (inner instanceof z.ZodBoolean && (value === "true" || value === "false")) return value === "true";
  return value;
}

function innermost(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? innermost(schema.unwrap()) : schema;
}

/** Converts the first problem to OpenAI's form. */
function toParameterError({ issues }: z.ZodError, given: ReadonlyMap<string, unknown>): ParameterError {
  const [first] = issues;
  if (!first) throw new Error("a request was refused without a reason");
  const [name = "", ...inner] = first.path.map(String);
  // For numbers, the last issue is about the parameter's own bound, not about the range of all integers.
  const issue = issues.findLast(({ path }) => path.length === first.path.length && path[0] === first.path[0]) ?? first;
  if (inner.length > 0 || issue.code === "invalid_union") return wrongReference(name, inner[0]);
  const value = given.get(name);
  const refuse = (fault: ParameterFault, message: string) => new ParameterError(fault, name, message);
  if (value === undefined) return refuse("missing_required_parameter", `Missing required parameter: '${name}'.`);
  switch (issue.code) {
    case "invalid_type":
      return wrongType(name, EXPECTED[issue.expected] ?? "another type", value);
    case "invalid_value": {
      const words = issue.values.map((word) => `'${String(word)}'`).join(", ");
      if (typeof value !== "string") return wrongType(name, `one of ${words}`, value);
      return refuse("invalid_value", `Invalid value for '${name}'. Supported values are: ${words}.`);
    }
    case "too_small": {
      const { minimum, origin } = issue;
      if (origin === "array") return refuse("missing_required_parameter", `Missing required parameter: '${name}'.`);
      return origin === "string"
        ? refuse("empty_string", `Invalid '${name}': empty string. Expected a string with minimum length ${minimum}.`)
        : refuse(
            "integer_below_min_value",
            `Invalid '${name}': integer below minimum value. Expected a value >= ${minimum}.`,
          );
    }
    case "too_big": {
      const { maximum, origin } = issue;
      return origin === "array"
        ? refuse(
            "array_above_max_length",
            `Invalid '${name}': array too long. Expected an array with maximum length ${maximum}.`,
          )
        : refuse(
            "integer_above_max_value",
            `Invalid '${name}': integer above maximum value. Expected a value <= ${maximum}.`,
          );
    }
    case "custom":
      return refuse((issue.params?.fault as ParameterFault) ?? "invalid_value", `Invalid '${name}': ${issue.message}`);
    default:
      return refuse("invalid_value", `Invalid value for '${name}'.`);
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "an integer",
  int: "an integer",
  boolean: "a boolean",
  array: "an array",
};

/** The error for a value of the wrong type. It does not repeat the value, which may be a prompt in the wrong place. */
function wrongType(name: string, expected: string, value: unknown): ParameterError {
  const message = `Invalid type for '${name}': expected ${expected}, but got ${typeOf(value)} instead.`;
  return new ParameterError("invalid_type", name, message);
}

function wrongReference(name: string, index: string | undefined): ParameterError {
  const place = index === undefined ? name : `${name}[${index}]`;
  const message = `Invalid type for '${place}': expected {"file_id": "img_…"} or {"image_url": "https://…"}.`;
  return new ParameterError("invalid_type", place, message);
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
