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
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../../../service/generations/history/history-pages.ts";
import { MAX_ENDPOINTS } from "../../../service/webhooks/webhook-service.ts";
import { plainNameOf } from "../type-prefix.ts";
import { IntrospectionWeigher } from "./introspection-weight.ts";

/** The limits of one operation. */
export const LIMITS = {
  /** Tokens of the document: names, values and punctuation. */
  tokens: 2_000,
  /** Lines of the document. Each error names its line, and graphql counts the lines again for each error. */
  lines: 4_000,
  /** Levels of objects and lists in one variable. */
  variableDepth: 32,
  /** Values in one variable, including objects and lists: enough for a router's references, plus a quarter. */
  variableValues: 20_000,
  /** Levels of fields, except in introspection. */
  depth: 12,
  aliases: 100,
  directives: 50,
  /** Total cost: 1 for each field in the answer, plus {@link IMAGE_COST} for each generated image, {@link FILTER_COST} for
   * each filter of a list and {@link DELETION_COST} for each generation of `deleteGenerations`. */
  cost: 20_000,
  /** Fields after every fragment is expanded. */
  fields: 10_000,
  /** Images that all mutations of the operation generate together. */
  images: MAX_IMAGES,
  /** UTF-16 units of all prompts in an answer: a page of 100 of the longest prompts, all emoji, plus a quarter. */
  promptLength: 8_000_000,
  /** Entities that a router requests at once. The store finds them in one query. */
  references: 5_000,
} as const;

const IMAGE_COST = 100;
/** A filter may read the index of all generations, for the page and for `totalCount`. One operation may do so 20 times. */
const FILTER_COST = 1_000;
const DELETION_COST = 10;
/** The assumed length of a list whose length is not known in advance. */
const ASSUMED_LIST_LENGTH = 10;
/** The assumed number of warnings of a generation. */
const ASSUMED_WARNINGS = 3;
/** The assumed number of rows of usage. Each may lead to a project and a key, of which most are the same. */
const ASSUMED_USAGE_ROWS = 100;
/** How much more what a row of usage leads to costs, because there may be 10,000 rows. */
const USAGE_LINK_FACTOR = 10;
/** Budgets of one project or key: one for each window. */
const ASSUMED_BUDGETS = 4;
/** This many references of `_entities` cost as much as one. */
const REFERENCES_PER_BATCH = 10;

/** Options for `parse`. It stops at the limit, so a huge document takes no more time than the largest allowed one. */
export const PARSE_OPTIONS = { maxTokens: LIMITS.tokens };
/** Options for `validate`. Few errors are reported, because each one repeats part of the document. */
export const VALIDATION_OPTIONS = { maxErrors: 20 };
/** Options for `execute`: limits the number of errors about variables. */
export const EXECUTION_OPTIONS = { maxCoercionErrors: 10 };

const REPORT = {
  exposeLimits: true,
  propagateOnRejection: false,
  onReject: [
    // By default these rules throw, which would be reported as an internal error.
    (context: ValidationContext | null, error: GraphQLError) =>
      context?.reportError(new GraphQLError(error.message.replace(/^Syntax Error: /, ""))),
  ],
};

/** Validation rules for the limits that need only the document. */
export const LIMIT_RULES: readonly ValidationRule[] = [
  maxDepthRule({ ...REPORT, n: LIMITS.depth, flattenFragments: true }),
  maxAliasesRule({ ...REPORT, n: LIMITS.aliases }),
  maxDirectivesRule({ ...REPORT, n: LIMITS.directives }),
];

type FieldCost = (costOfEach: number, args: ComplexityEstimatorArgs["args"]) => number;

const makesImages: FieldCost = (costOfEach, args) => 1 + costOfEach + IMAGE_COST * imagesOf(args);

const listsHistory: FieldCost = (costOfEach, args) =>
  1 + costOfEach * pageSizeOf(args) + (args.filter ? FILTER_COST : 0);

const listsPage: FieldCost = (costOfEach, args) => 1 + costOfEach * pageSizeOf(args);

const listsBudgets: FieldCost = (costOfEach) => 1 + costOfEach * ASSUMED_BUDGETS;

const leadsFromUsage: FieldCost = (cost) => 1 + cost * USAGE_LINK_FACTOR;

/**
 * The costs of fields that return lists or generate images. Any other field costs 1 plus the cost of its selections.
 */
export const COSTS: ReadonlyMap<string, FieldCost> = new Map<string, FieldCost>([
  ["Query.generations", listsHistory],
  ["Query.images", listsHistory],
  ["Query.models", (costOfEach) => 1 + costOfEach * ASSUMED_LIST_LENGTH],
  [
    "Query._entities",
    (costOfEach, { representations }) => 1 + costOfEach * Math.ceil(representations.length / REFERENCES_PER_BATCH),
  ],
  ["Query.projects", listsPage],
  ["Query.auditLog", listsPage],
  ["Query.webhookEndpoints", (costOfEach) => 1 + costOfEach * MAX_ENDPOINTS],
  ["Query.webhookDeliveries", listsPage],
  ["WebhookDelivery.attempts", (costOfEach) => 1 + costOfEach * ASSUMED_LIST_LENGTH],
  // Usage reads the sums of all requested days.
  ["Query.usage", (costOfEach) => 1 + costOfEach * ASSUMED_USAGE_ROWS + FILTER_COST],
  ["UsageRow.project", leadsFromUsage],
  ["UsageRow.apiKey", leadsFromUsage],
  ["Project.apiKeys", listsPage],
  ["Project.budgets", listsBudgets],
  ["ApiKey.budgets", listsBudgets],
  ["Viewer.budgets", listsBudgets],
  ["Generation.images", (costOfEach) => 1 + costOfEach * MAX_IMAGES],
  ["Generation.derivedFrom", (costOfEach) => 1 + costOfEach * MAX_EDIT_IMAGES],
  ["Generation.warnings", (costOfEach) => 1 + costOfEach * ASSUMED_WARNINGS],
  ["Quote.warnings", (costOfEach) => 1 + costOfEach * ASSUMED_WARNINGS],
  ["Image.derivedFrom", (costOfEach) => 1 + costOfEach * MAX_EDIT_IMAGES],
  ["Mutation.generateImages", makesImages],
  ["Mutation.editImages", makesImages],
  ["Mutation.deleteGenerations", (costOfEach, { ids }) => 1 + costOfEach + DELETION_COST * ids.length],
]);

interface Weight {
  readonly cost: number;
  readonly images: number;
  /** Whether the texts in the variables have no influence on the weight. */
  readonly isFixed: boolean;
}

/** Operations whose variables have more values, or more characters apart from their texts, are weighed every time. */
const MAX_SHAPE = { values: 100, length: 500 };
/** The most shapes of variables that are remembered for each operation. */
const MAX_SHAPES = 50;

/**
 * Remembers which shapes of variables keep an operation within its limits. A shape is the variables without their
 * texts. Documents are cached, so repeated operations are usually the same object.
 */
const allowed = new WeakMap<OperationDefinitionNode, Set<string>>();

/**
 * Weighs a valid operation with its variables.
 *
 * @returns the error; `undefined` when nothing is too much, or when the variables are invalid, which execution reports
 *   better
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
      ? invalid(`Field limit of ${LIMITS.fields} exceeded, counting the fields of every fragment where it is used.`)
      : error;
  }
}

/** Returns the variables as JSON without texts and files; `undefined` when they are larger than {@link MAX_SHAPE}. */
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
  /** By the name in the answer, because fields with the same name are executed only once. */
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
 * Checks the size and depth of a variable. Goes level by level instead of using recursion, which a deep value would
 * overflow.
 *
 * @returns the error; `undefined` when the variable is within its limits
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

/** Whether a value is a list or a plain object. Files are neither. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** Returns how many images the input asks for. A number out of range counts as 0, because the service refuses it. */
function imagesOf({ input }: ComplexityEstimatorArgs["args"]): number {
  const n = input?.n ?? 1;
  return n >= 1 && n <= MAX_IMAGES ? n : 0;
}

/** Returns the length of the page. The service refuses a length out of range. */
function pageSizeOf({ first, last }: ComplexityEstimatorArgs["args"]): number {
  const size = Math.min(first ?? last ?? DEFAULT_PAGE_SIZE, last ?? MAX_PAGE_SIZE, MAX_PAGE_SIZE);
  return Math.max(size, 1);
}

export function tooManyImages(asked: number): GatewayError {
  return badInput("n", `one operation may generate at most ${LIMITS.images} images; this one requests ${asked}`);
}

/** Creates the error of a document that exceeds a limit, in the form of a validation error. */
function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
}

/** Converts an error that is reported before any field is resolved. */
export function asGraphQLError({ message, code, details: { field } }: GatewayError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...(field !== undefined && { field }) } });
}
