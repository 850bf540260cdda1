import "reflect-metadata";
import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, printSchema } from "graphql";
import type { GraphQLContext, ToContext } from "./context.ts";
import { toClientError } from "./errors.ts";
import { FederationResolver, printSubgraph } from "./federation.ts";
import { HistoryResolver } from "./history-resolvers.ts";
import { ProjectResolver } from "./project-resolvers.ts";
import { ImageResolver } from "./resolvers.ts";
import { buildSchemaSync, endDecorating, type NonEmptyArray, type PubSub, withOwnMetadata } from "./type-graphql.ts";
import { prefixTypes } from "./type-prefix.ts";
import type { GenerateImagesInput } from "./types/generations/generate-images-input.ts";
import { GenerationEventsResolver } from "./types/generations/generation-events.ts";
import type { GenerationType, ImageType } from "./types/generations/generation-type.ts";
import type { ImageUrlArgs } from "./types/image-url-args.ts";
import { WebhookResolver } from "./webhook-resolvers.ts";

endDecorating();

/** The descriptions of the root types, which type-graphql cannot set. */
const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query: "Reads your generations, images and projects, and the models.",
  Mutation: "Generates, edits, cancels and deletes, and manages projects and webhooks.",
  Subscription: "Follows generations while they run.",
};

const RESOLVERS = [ImageResolver, HistoryResolver, GenerationEventsResolver, ProjectResolver, WebhookResolver] as const;
/** type-graphql requires a `PubSub` for subscriptions. The gateway's subscriptions do not use it. */
const NO_PUB_SUB: PubSub = {
  publish() {},
  subscribe() {
    throw new Error("there are no topics");
  },
};

/** Builds the graph from the resolvers. It runs in any GraphQL server, with any context value. */
export function buildGraphQLSchema(toContext: ToContext, typePrefix = ""): GraphQLSchema {
  return prefixTypes(bind(buildSchemaOf(RESOLVERS), toContext), typePrefix);
}

/** Builds the same graph with the queries that federation routers send. */
export function buildFederatedSchema(toContext: ToContext, typePrefix = ""): GraphQLSchema {
  return prefixTypes(bind(buildSchemaOf([...RESOLVERS, FederationResolver]), toContext), typePrefix);
}

/** Prints the schema that clients see, and the subgraph for composition with others. */
export function describeGraph(): { readonly schema: string; readonly subgraph: string } {
  const schema = buildSchemaOf(RESOLVERS);
  return { schema: `${printSchema(schema)}\n`, subgraph: printSubgraph(schema) };
}

type Resolve = GraphQLFieldResolver<unknown, unknown>;

const images = new ImageResolver();

/**
 * Resolvers of fields that are requested most. type-graphql would copy the arguments of each several times, and create
 * promises for them.
 */
const DIRECT_RESOLVERS: ReadonlyMap<string, Resolve> = new Map<string, Resolve>([
  [
    "Mutation.generateImages",
    (_root, { input }, context) => images.generateImages(input as GenerateImagesInput, context as GraphQLContext),
  ],
  [
    "Generation.images",
    (generation, _args, context) => (generation as GenerationType).images(context as GraphQLContext),
  ],
  [
    "Image.url",
    (image, options, context) => (image as ImageType).url(options as ImageUrlArgs, context as GraphQLContext),
  ],
  [
    "Generation.prompt",
    (generation, _args, context) => (generation as GenerationType).prompt(context as GraphQLContext),
  ],
]);

function buildSchemaOf(resolvers: NonEmptyArray<new () => object>): GraphQLSchema {
  const schema = withOwnMetadata(() => buildSchemaSync({ resolvers, validate: false, pubSub: NO_PUB_SUB }));
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const type = schema.getType(name);
    if (type) type.description = description;
  }
  return schema;
}

function bind(schema: GraphQLSchema, toContext: ToContext): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    // All schemas of the process share the types of introspection.
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    const isRoot = type.name in ROOT_DESCRIPTIONS;
    for (const field of Object.values(type.getFields())) {
      if (field.resolve) {
        const direct = DIRECT_RESOLVERS.get(`${type.name}.${field.name}`);
        const resolve = withOwnContext(direct ?? field.resolve, toContext);
        field.resolve = isRoot ? resolve : unlessPlain(field.name, resolve);
      }
      if (field.subscribe) field.subscribe = withOwnContext(field.subscribe, toContext);
    }
  }
  return schema;
}

/** Skips the resolver if the field is a property or a getter of its object, as most fields are. */
function unlessPlain(name: string, resolve: Resolve): Resolve {
  return (source, args, contextValue, info) => {
    const value = (source as Readonly<Record<string, unknown>>)[name];
    return value === undefined || typeof value === "function" ? resolve(source, args, contextValue, info) : value;
  };
}

/**
 * Gives a resolver the gateway's context instead of the server's, and converts its errors into those that clients may
 * see.
 */
function withOwnContext(resolve: Resolve, toContext: ToContext): Resolve {
  return (source, args, contextValue, info) => {
    const resolveIn = (context: GraphQLContext) => {
      const toShown = (error: unknown) => {
        throw toClientError(error, context.request.logger);
      };
      try {
        const result = withOwnMetadata(() => resolve(source, args, context, info));
        return result instanceof Promise ? result.catch(toShown) : result;
      } catch (error) {
        return toShown(error);
      }
    };
    const context = toContext(contextValue, info);
    return context instanceof Promise ? context.then(resolveIn) : resolveIn(context);
  };
}
