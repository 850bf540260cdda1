import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { nearestName } from "../nearest-name.ts";
import { usageFailure } from "./command-failure.ts";
import { printable } from "./printable.ts";

/** An option of a command. */
export interface Option {
  /** One letter. */
  readonly short?: string;
  /** What the value is, for the help: `NUMBER`. Absent for a switch without a value. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly isRepeatable?: boolean;
  readonly description: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The most values of an option that may be repeated, and the most arguments. */
const MAX_VALUES = 100;

/** The flags and arguments that a command was given. */
export class Flags {
  readonly arguments: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  private constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[]) {
    this.#values = values;
    this.arguments = positionals;
  }

  /** @throws CommandFailure naming the flag that is wrong */
  static parse(parameters: readonly string[], options: Options): Flags {
    const config: ParseArgsOptionsConfig = {};
    for (const [name, { short, value, isRepeatable }] of Object.entries(options)) {
      config[name] = {
        type: value === undefined ? "boolean" : "string",
        ...(short !== undefined && { short }),
        ...(isRepeatable && { multiple: true }),
      };
    }
    try {
      const { values, positionals } = parseArgs({ args: [...parameters], options: config, allowPositionals: true });
      return new Flags(values, positionals);
    } catch (error) {
      throw usageFailure(explain(error as Error, parameters, options));
    }
  }

  isSet(name: string): boolean {
    return this.#values[name] === true;
  }

  /** @throws CommandFailure when the value is empty */
  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === "") throw usageFailure(`${toFlag(name)} must not be empty`);
    return typeof value === "string" ? value : undefined;
  }

  /** @throws CommandFailure when it is given too often, or a value is empty */
  texts(name: string): readonly string[] {
    const values = (this.#values[name] ?? []) as readonly string[];
    if (values.length > MAX_VALUES) throw usageFailure(`--${name} can be given at most ${MAX_VALUES} times`);
    if (values.includes("")) throw usageFailure(`--${name} must not be empty`);
    return values;
  }

  /** @throws CommandFailure when the value is not a whole number in these bounds */
  wholeNumber(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^-?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw usageFailure(`${toFlag(name)} must be a whole number from ${min} to ${max}`);
  }

  /**
   * Reads a word in any case, and returns it as it is spelled in `words`.
   *
   * @throws CommandFailure when the value is another one
   */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (word) return word;
    throw usageFailure(`--${name} must be one of ${words.map((each) => each.toLowerCase()).join(", ")}`);
  }

  /** @throws CommandFailure when the number of arguments is not in these bounds */
  expectArguments(min: number, max: number, usage: string): void {
    const { length } = this.arguments;
    const [extra] = this.arguments.slice(max);
    if (length < min) throw usageFailure(`an argument is missing: ${usage}`);
    if (extra !== undefined) {
      throw usageFailure(
        `${JSON.stringify(printable(extra, 60))} is one argument too many: ${usage}. Put a text of several words in quotes`,
      );
    }
  }
}

/** An option of one letter has no longer name. */
export function toFlag(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function explain(error: Error, parameters: readonly string[], options: Options): string {
  const { code } = error as NodeJS.ErrnoException;
  const flag = /'(?:-., )?(-[^' ]*)/.exec(error.message)?.[1] ?? "";
  const shown = printable(flag, 60);
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const name = /^--(?:no-)?([^=]+)/.exec(flag)?.[1];
    const near = name === undefined ? undefined : nearestName(name, Object.keys(options));
    const isPrompt = parameters.some((parameter) => parameter.startsWith(flag) && parameter.includes(" "));
    const advice = isPrompt ? "; put -- before a text that begins with a hyphen" : "";
    return `there is no flag ${shown}${near === undefined ? "" : `; did you mean --${near}?`}${advice}`;
  }
  if (/argument missing|ambiguous/.test(error.message)) return `${shown} needs a value`;
  if (/does not take an argument/.test(error.message)) return `${shown} takes no value`;
  return printable(error.message);
}
