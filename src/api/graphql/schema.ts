import "reflect-metadata";
import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, printSchema } from "graphql";
import type { GraphQLContext, ToContext } from "./context.ts";
import { toClientError } from "./errors.ts";
import { FederationResolver, printSubgraph } from "./federation.ts";
import { ProjectResolver } from "./project-resolvers.ts";
import { ImageResolver } from "./resolvers.ts";
import { buildSchemaSync, endDecorating, type NonEmptyArray, type PubSub, withOwnMetadata } from "./type-graphql.ts";
import { prefixTypes } from "./type-prefix.ts";
import { GenerationEventsResolver } from "./types/generation-events.ts";
import type { GenerationType, ImageType, ImageUrlArgs } from "./types/generation-type.ts";

endDecorating();

/** type-graphql has no place to describe these. */
const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query: "What can be read: your images and generations, and the models there are.",
  Mutation: "What can be done.",
  Subscription: "What can be followed while it happens.",
};

const RESOLVERS = [ImageResolver, GenerationEventsResolver, ProjectResolver] as const;
/** type-graphql insists on one wherever there are subscriptions; ours have streams of their own. */
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

/** The same graph, that routers of a federated graph can also ask for what they need. */
export function buildFederatedSchema(toContext: ToContext, typePrefix = ""): GraphQLSchema {
  return prefixTypes(bind(buildSchemaOf([...RESOLVERS, FederationResolver]), toContext), typePrefix);
}

/** The graph as text: the schema that clients see, and the subgraph that is composed with others. */
export function describeGraph(): { readonly schema: string; readonly subgraph: string } {
  const schema = buildSchemaOf(RESOLVERS);
  return { schema: `${printSchema(schema)}\n`, subgraph: printSubgraph(schema) };
}

type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** Fields that a page asks for by the dozen. type-graphql would make several promises for the arguments of each. */
const DIRECT: ReadonlyMap<string, Resolve> = new Map<string, Resolve>([
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
    // Those of introspection are the same objects in every schema of the process.
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    const isRoot = type.name in ROOT_DESCRIPTIONS;
    for (const field of Object.values(type.getFields())) {
      if (field.resolve) {
        const direct = DIRECT.get(`${type.name}.${field.name}`);
        const resolve = withOwnContext(direct ?? field.resolve, toContext);
        field.resolve = isRoot ? resolve : unlessPlain(field.name, resolve);
      }
      if (field.subscribe) field.subscribe = withOwnContext(field.subscribe, toContext);
    }
  }
  return schema;
}

/** Most fields are properties and getters of what they belong to, and need nothing else. */
function unlessPlain(name: string, resolve: Resolve): Resolve {
  return (source, args, contextValue, info) => {
    const value = (source as Readonly<Record<string, unknown>>)[name];
    return value === undefined || typeof value === "function" ? resolve(source, args, contextValue, info) : value;
  };
}

/** Lets a resolver see our context in place of the server's, and the server only errors that clients may see. */
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
