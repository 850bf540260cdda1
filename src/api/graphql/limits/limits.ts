import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthRule } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type ValidationContext,
  type ValidationRule,
} from "graphql";
import { type ComplexityEstimatorArgs, getComplexity } from "graphql-query-complexity";
import { MAX_IMAGES } from "../../../bounds.ts";
import { badInput, type GatewayError } from "../../../errors.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../../../service/image-service.ts";
import { plainNameOf } from "../type-prefix.ts";
import { IntrospectionWeigher } from "./introspection-weight.ts";

/** What one operation may ask for. */
export const LIMITS = {
  /** Words, names and signs of the document. */
  tokens: 2_000,
  /** Lines of the document: each error is told with its line, which is counted anew for each. */
  lines: 4_000,
  /** Levels of objects and lists in one variable. */
  variableDepth: 32,
  /** Values in one variable, objects and lists included: a router's references, and a quarter more. */
  variableValues: 20_000,
  /** Levels of fields, introspection apart. */
  depth: 12,
  aliases: 100,
  directives: 50,
  /** One for each field that is answered, and {@link IMAGE_COST} for each image that is made. */
  cost: 20_000,
  /** Fields after every fragment is put in its place. */
  fields: 10_000,
  /** Images that are made, over all mutations of the operation. */
  images: MAX_IMAGES,
  /** UTF-16 units of all prompts of an answer: a page of a hundred of the longest, all emoji, and a quarter more. */
  promptLength: 8_000_000,
  /** Entities that a router asks for at once; the store finds them in one query. */
  references: 5_000,
} as const;

const IMAGE_COST = 100;
/** A list whose length is not known before it is read counts as so long. */
const SHORT_LIST = 10;
/** A generation has few. */
const WARNINGS = 3;
/** `_entities` reads so many references at the price of one. */
const REFERENCES_PER_BATCH = 10;

/** For `parse`: it stops at the limit, so that a large document costs no more than the largest that is allowed. */
export const PARSE_OPTIONS = { maxTokens: LIMITS.tokens };
/** For `validate`: each error repeats what was sent. */
export const VALIDATION_OPTIONS = { maxErrors: 20 };
/** For `execute`, of the errors that variables have. */
export const EXECUTION_OPTIONS = { maxCoercionErrors: 10 };

const REPORT = {
  exposeLimits: true,
  propagateOnRejection: false,
  onReject: [
    // A rule that throws, as these do by default, ends as an internal error.
    (context: ValidationContext | null, error: GraphQLError) =>
      context?.reportError(new GraphQLError(error.message.replace(/^Syntax Error: /, ""))),
  ],
};

/** Validation rules for what can be told from the document alone. */
export const LIMIT_RULES: readonly ValidationRule[] = [
  maxDepthRule({ ...REPORT, n: LIMITS.depth, flattenFragments: true }),
  maxAliasesRule({ ...REPORT, n: LIMITS.aliases }),
  maxDirectivesRule({ ...REPORT, n: LIMITS.directives }),
];

type FieldCost = (costOfEach: number, args: ComplexityEstimatorArgs["args"]) => number;

const makesImages: FieldCost = (costOfEach, args) => 1 + costOfEach + IMAGE_COST * imagesOf(args);

/** The fields that answer a list or make images; any other costs one, and what is below it. */
const COSTS: ReadonlyMap<string, FieldCost> = new Map<string, FieldCost>([
  ["Query.generations", (costOfEach, args) => 1 + costOfEach * pageSizeOf(args)],
  ["Query.models", (costOfEach) => 1 + costOfEach * SHORT_LIST],
  [
    "Query._entities",
    (costOfEach, { representations }) => 1 + costOfEach * Math.ceil(representations.length / REFERENCES_PER_BATCH),
  ],
  ["Generation.images", (costOfEach) => 1 + costOfEach * MAX_IMAGES],
  ["Generation.warnings", (costOfEach) => 1 + costOfEach * WARNINGS],
  ["Quote.warnings", (costOfEach) => 1 + costOfEach * WARNINGS],
  ["Image.derivedFrom", (costOfEach) => 1 + costOfEach * MAX_EDIT_IMAGES],
  ["Mutation.generateImages", makesImages],
  ["Mutation.editImages", makesImages],
]);

interface Weight {
  readonly cost: number;
  readonly images: number;
  /** Whether no text in the variables makes it heavier. */
  readonly isFixed: boolean;
}

/** Variables with more values, or of more characters without their texts, are weighed anew each time. */
const MAX_SHAPE = { values: 100, length: 500 };
/** How many kinds of variables are kept for each operation. */
const MAX_SHAPES = 50;

/**
 * With which variables, their texts apart, an operation is known to be within its limits. Its document is kept, so that
 * most operations come again as the same object.
 */
const allowed = new WeakMap<OperationDefinitionNode, Set<string>>();

/**
 * Weighs a valid operation with its variables.
 *
 * @returns what is too much, or `undefined`; also for variables that do not fit, of which the execution tells more
 */
export function checkWeight(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>> = {},
): GraphQLError | undefined {
  const shape = shapeOf(variables);
  if (shape !== undefined && allowed.get(operation)?.has(shape)) return undefined;
  const { variableDefinitions = [] } = operation;
  for (const { variable } of variableDefinitions) {
    const tooMuch = checkVariable(variable.name.value, variables[variable.name.value]);
    if (tooMuch) return asGraphQLError(tooMuch);
  }
  const { coerced, errors } = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 });
  if (errors) return undefined;
  try {
    const { cost, images, isFixed } = weigh(schema, document, operation, variables, coerced);
    if (images > LIMITS.images) return asGraphQLError(tooManyImages(images));
    if (cost > LIMITS.cost) return invalid(`Query cost limit of ${LIMITS.cost} exceeded, found ${cost}.`);
    if (isFixed && shape !== undefined) allow(operation, shape);
    return undefined;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return error.message.includes("number of nodes")
      ? invalid(`Field limit of ${LIMITS.fields} exceeded, with every fragment in its place.`)
      : error;
  }
}

/** Variables without their texts, and without files; `undefined` when that is too much to look at. */
function shapeOf(variables: Readonly<Record<string, unknown>>): string | undefined {
  let values = 0;
  try {
    const shape = JSON.stringify(variables, (_name, value: unknown) => {
      if (++values > MAX_SHAPE.values) throw new Error("there are too many values");
      if (typeof value !== "object" || value === null) return typeof value === "string" ? "" : value;
      return isContainer(value) ? value : "";
    });
    return shape.length <= MAX_SHAPE.length ? shape : undefined;
  } catch {
    return undefined;
  }
}

function allow(operation: OperationDefinitionNode, shape: string): void {
  const shapes = allowed.get(operation) ?? new Set();
  const [oldest] = shapes;
  if (oldest !== undefined && shapes.size >= MAX_SHAPES) shapes.delete(oldest);
  allowed.set(operation, shapes.add(shape));
}

function weigh(
  schema: GraphQLSchema,
  query: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  coerced: Readonly<Record<string, unknown>>,
): Weight {
  /** By the name in the answer: fields of the same name are executed once. */
  const images = new Map<string, number>();
  let isFixed = true;
  let introspection: IntrospectionWeigher | undefined;
  const cost = getComplexity({
    schema,
    query,
    variables,
    ...(operation.name && { operationName: operation.name.value }),
    maxQueryNodes: LIMITS.fields,
    estimators: [
      ({ type, field, node, args, childComplexity }) => {
        if (field.name === "__schema" || field.name === "__type") {
          isFixed = false;
          introspection ??= new IntrospectionWeigher({
            schema,
            fragments: fragmentsOf(query),
            variables: coerced,
            limit: LIMITS.cost,
          });
          return introspection.weigh(node);
        }
        const costOf = COSTS.get(`${plainNameOf(type)}.${field.name}`);
        if (costOf === makesImages) images.set(node.alias?.value ?? node.name.value, imagesOf(args));
        return costOf ? costOf(childComplexity, args) : 1 + childComplexity;
      },
    ],
  });
  return { cost, images: [...images.values()].reduce((sum, n) => sum + n, 0), isFixed };
}

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

/**
 * Looks at a value level by level: none is too deep for that, as it would be for what looks at it after this.
 *
 * @returns why it is too much
 */
function checkVariable(name: string, value: unknown): GatewayError | undefined {
  let level = [value];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    count += level.length;
    if (count > LIMITS.variableValues) {
      return badInput(name, `a variable may have at most ${LIMITS.variableValues} values`);
    }
    const containers = level.filter(isContainer);
    if (depth === LIMITS.variableDepth && containers.length > 0) {
      return badInput(name, `a variable may have at most ${LIMITS.variableDepth} levels of objects and lists`);
    }
    level = containers.flatMap((container) => Object.values(container));
  }
  return undefined;
}

/** Files among the variables are not. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** A number that is out of range makes none: the service refuses it, and says what may be sent. */
function imagesOf({ input }: ComplexityEstimatorArgs["args"]): number {
  const n = input?.n ?? 1;
  return n >= 1 && n <= MAX_IMAGES ? n : 0;
}

/** A size that is out of range is refused by the service. */
function pageSizeOf({ first, last }: ComplexityEstimatorArgs["args"]): number {
  const size = Math.min(first ?? last ?? DEFAULT_PAGE_SIZE, last ?? MAX_PAGE_SIZE, MAX_PAGE_SIZE);
  return Math.max(size, 1);
}

export function tooManyImages(asked: number): GatewayError {
  return badInput("n", `one operation may make at most ${LIMITS.images} images; this one asks for ${asked}`);
}

/** The error of a document that breaks a limit, as validation would report it. */
function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
}

/** An error that is told before any field is resolved. */
export function asGraphQLError({ message, code, details: { field } }: GatewayError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...(field !== undefined && { field }) } });
}
