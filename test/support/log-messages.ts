import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "@swc/core";

/** A log message as it is in the source. `…` stands for the parts that vary. */
export interface LogMessage {
  readonly level: string;
  readonly message: string;
}

/** A call to a logger whose message is computed elsewhere. */
export interface ComputedMessage {
  readonly file: string;
  /** The last name in the expression: `message` of `change.message`. */
  readonly name: string;
}

export interface LogMessages {
  readonly messages: readonly LogMessage[];
  readonly computed: readonly ComputedMessage[];
}

// biome-ignore lint/suspicious/noExplicitAny: a node of any kind, walked by its properties
type Node = any;

const LEVELS: ReadonlySet<string> = new Set(["debug", "info", "warn", "error", "fatal"]);
/** Names of a logger in the source, such as `logger` and `createLogger`. */
const LOGGER = /[lL]ogger$/;
/** An object with methods of the same names that is not a logger: the output of the command line. */
const NO_LOGGERS: ReadonlySet<string> = new Set(["terminal", "console"]);

/** Reads every call to a logger in the TypeScript files below a directory. */
export async function readLogMessages(directory: string): Promise<LogMessages> {
  const messages: LogMessage[] = [];
  const computed: ComputedMessage[] = [];
  for (const file of (await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".ts")).sort()) {
    const text = await readFile(join(directory, file), "utf8");
    const tree = await parse(text, { syntax: "typescript", decorators: true });
    const nodes = [...nodesOf(tree)];
    const constants = constantsOf(nodes);
    for (const node of nodes) {
      const call = loggerCall(node);
      if (!call) continue;
      const levels = textsOf(call.level, constants) ?? [...LEVELS];
      const texts = textsOf(call.message, constants);
      if (!texts) computed.push({ file, name: lastName(call.message) });
      for (const message of texts ?? []) for (const level of levels) messages.push({ level, message });
    }
  }
  return { messages, computed };
}

/** Reads every text in a TypeScript file, with `…` for the computed parts of templates. */
export async function readTexts(path: string): Promise<ReadonlySet<string>> {
  const nodes = nodesOf(await parse(await readFile(path, "utf8"), { syntax: "typescript", decorators: true }));
  return new Set([...nodes].flatMap((node) => textsOf(node, new Map()) ?? []));
}

function* nodesOf(node: Node): Generator<Node> {
  if (typeof node !== "object" || node === null) return;
  if (typeof node.type === "string") yield node;
  for (const child of Object.values(node)) yield* nodesOf(child);
}

/**
 * The values of the constants in a file. If several functions have a constant of the same name, all values are
 * included.
 */
function constantsOf(nodes: readonly Node[]): ReadonlyMap<string, readonly Node[]> {
  const declared = nodes.filter(({ type, id, init }) => type === "VariableDeclarator" && id.value && init);
  const grouped = Map.groupBy(declared, ({ id }) => id.value as string);
  return new Map([...grouped].map(([name, declarators]) => [name, declarators.map(({ init }) => init)]));
}

/** The level and message of a call to a logger, as nodes. */
function loggerCall({ type, callee, arguments: parameters }: Node): { level: Node; message: Node } | undefined {
  if (type !== "CallExpression" || callee.type !== "MemberExpression") return undefined;
  const { object, property } = callee;
  const receiver = lastName(object);
  const message = parameters.at(-1)?.expression;
  if (property.type === "Computed") return LOGGER.test(receiver) ? { level: property.expression, message } : undefined;
  if (property.type !== "Identifier" || !LEVELS.has(property.value)) return undefined;
  if (NO_LOGGERS.has(receiver) || !message) return undefined;
  return { level: { type: "StringLiteral", value: property.value }, message };
}

/** Every text that an expression may have, or `undefined` if this file does not show it. */
function textsOf(node: Node, constants: ReadonlyMap<string, readonly Node[]>): readonly string[] | undefined {
  switch (node.type) {
    case "StringLiteral":
      return [node.value];
    case "TemplateLiteral":
      return [templateText(node, constants)];
    case "ParenthesisExpression":
      return textsOf(node.expression, constants);
    case "ConditionalExpression":
      return allTexts([node.consequent, node.alternate], constants);
    case "Identifier":
      return allTexts(constants.get(node.value) ?? [], constants);
    default:
      return undefined;
  }
}

/** The text of a template, including constants with a single value, and `…` for everything else. */
function templateText({ quasis, expressions }: Node, constants: ReadonlyMap<string, readonly Node[]>): string {
  return quasis
    .map(({ cooked }: Node, index: number) => {
      if (index === expressions.length) return cooked;
      const [text, ...others] = textsOf(expressions[index], constants) ?? [];
      return cooked + (text !== undefined && others.length === 0 ? text : "…");
    })
    .join("");
}

function allTexts(nodes: readonly Node[], constants: ReadonlyMap<string, readonly Node[]>): string[] | undefined {
  const texts = nodes.map((node) => textsOf(node, constants));
  return texts.length > 0 && texts.every((found) => found !== undefined) ? texts.flat() : undefined;
}

/** `logger` of `this.#options.logger`, `createLogger` of `createLogger("info")`. */
function lastName(node: Node): string {
  switch (node.type) {
    case "MemberExpression":
      return lastName(node.property);
    case "CallExpression":
      return lastName(node.callee);
    case "OptionalChainingExpression":
      return lastName(node.base);
    default:
      return node.value ?? "";
  }
}
