import {
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  type GraphQLSchema,
  isTypeDefinitionNode,
  Kind,
  type ObjectTypeDefinitionNode,
  parse,
  print,
  printSchema,
  visit,
} from "graphql";
import { badInput } from "../../errors.ts";
import type { GraphQLContext } from "./context.ts";
import { LIMITS } from "./limits/limits.ts";
import { ImageResolver } from "./resolvers.ts";
import { Arg, Ctx, createUnionType, Field, Info, ObjectType, Query, Resolver } from "./type-graphql.ts";
import { typePrefixOf } from "./type-prefix.ts";
import { GenerationType, ImageType } from "./types/generations/generation-type.ts";
import { findModel, ModelType } from "./types/models/model-type.ts";

type Entity = ImageType | GenerationType | ModelType;

const queries = new ImageResolver();

type Read = (id: string, context: GraphQLContext) => Promise<Entity | null>;

/** The types that other subgraphs may refer to and extend, each with the function that reads an entity by its id. */
const ENTITIES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["Image", (id, context) => queries.image(id, context)],
  ["Generation", (id, context) => queries.generation(id, context)],
  ["Model", async (id, { service }) => findModel(id, service)],
]);

/** Types that every subgraph with Relay connections defines. */
const SHAREABLE_TYPES = new Set(["PageInfo"]);
/**
 * Fields that are left out of the subgraph, and with them the types that only they lead to. Routers query `_service`
 * and `_entities` but do not compose them. Only one subgraph can own `Query.node`. Projects, keys and webhooks concern
 * only the gateway.
 */
const EXCLUDED_FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "Query",
    new Set([
      "node",
      "_service",
      "_entities",
      "viewer",
      "project",
      "projects",
      "usage",
      "auditLog",
      "webhookEndpoints",
      "webhookDeliveries",
    ]),
  ],
  [
    "Mutation",
    new Set([
      "createProject",
      "updateProject",
      "createApiKey",
      "updateApiKey",
      "rotateApiKey",
      "revokeApiKey",
      "deleteEndUserData",
      "createWebhookEndpoint",
      "updateWebhookEndpoint",
      "deleteWebhookEndpoint",
      "rotateWebhookSecret",
      "sendTestWebhook",
      "redeliverWebhook",
    ]),
  ],
  ["Generation", new Set(["project"])],
]);
const ROOTS = ["Query", "Mutation", "Subscription"];

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])`;

/** Returns the graph as text for composition into a federated graph. */
export function printSubgraph(schema: GraphQLSchema): string {
  const prefix = typePrefixOf(schema);
  const definitions = parse(printSchema(schema)).definitions.map((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION ? toSubgraphType(definition, prefix) : definition,
  );
  const document: DocumentNode = { kind: Kind.DOCUMENT, definitions: reachable(definitions) };
  return `${LINK}\n\n${print(document)}\n`;
}

function toSubgraphType(type: ObjectTypeDefinitionNode, prefix: string): ObjectTypeDefinitionNode {
  const name = type.name.value;
  const plainName = ROOTS.includes(name) || !name.startsWith(prefix) ? name : name.slice(prefix.length);
  const leftOut = EXCLUDED_FIELDS.get(plainName);
  const fields = (type.fields ?? []).filter((field) => !leftOut?.has(field.name.value));
  if (entityOf(name, prefix)) return { ...type, fields, directives: directives('@key(fields: "id")') };
  if (SHAREABLE_TYPES.has(name)) return { ...type, fields, directives: directives("@shareable") };
  return { ...type, fields };
}

/** Returns the definitions that can be reached from the root types. */
function reachable(definitions: readonly DefinitionNode[]): DefinitionNode[] {
  const byName = new Map(definitions.filter(isTypeDefinitionNode).map((type) => [type.name.value, type]));
  const found = new Set<string>();
  const follow = (name: string) => {
    const type = byName.get(name);
    if (!type || found.has(name)) return;
    found.add(name);
    visit(type, { NamedType: (named) => follow(named.name.value) });
  };
  for (const root of ROOTS) follow(root);
  return definitions.filter((definition) => !isTypeDefinitionNode(definition) || found.has(definition.name.value));
}

function directives(text: string): readonly ConstDirectiveNode[] {
  const [definition] = parse(`type Any ${text}`).definitions;
  return (definition as ObjectTypeDefinitionNode).directives ?? [];
}

const AnyScalar = new GraphQLScalarType({
  name: "_Any",
  description: "A reference to an entity of another subgraph: its `__typename` and its `id`.",
  specifiedByURL:
    "https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec#scalar-_any",
});

const EntityUnion = createUnionType({
  name: "_Entity",
  description: "The entities that other subgraphs may refer to.",
  types: () => [ImageType, GenerationType, ModelType] as const,
});

@ObjectType("_Service", { description: "The part of this graph that routers compose." })
class ServiceType {
  @Field(() => String, { description: "The subgraph in GraphQL's schema language." })
  sdl!: string;
}

/**
 * The queries that the router of a federated graph sends to its subgraphs.
 *
 * @see https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec
 */
@Resolver()
export class FederationResolver {
  #sdl: string | undefined;

  @Query(() => ServiceType, { name: "_service", description: "This graph as a subgraph, for routers." })
  service(@Info() { schema }: GraphQLResolveInfo): ServiceType {
    this.#sdl ??= printSubgraph(schema);
    return { sdl: this.#sdl };
  }

  @Query(() => [EntityUnion], {
    name: "_entities",
    nullable: "items",
    description:
      "The entities with these references, for routers. Null for an entity that you do not have, and for a value that is not a reference.",
  })
  async entities(
    @Arg("representations", () => [AnyScalar], { description: "References, each with `__typename` and `id`." })
    representations: readonly unknown[],
    @Ctx() context: GraphQLContext,
    @Info() { schema }: GraphQLResolveInfo,
  ): Promise<(Entity | null)[]> {
    if (representations.length > LIMITS.references) {
      throw badInput("representations", `ask for at most ${LIMITS.references} entities at once`);
    }
    const prefix = typePrefixOf(schema);
    const references = representations.map((representation) => parseReference(representation, prefix));
    const unreadable = references.filter((reference) => reference === undefined).length;
    if (unreadable > 0) {
      context.request.logger.warn(
        { unreadable },
        "a router sent references without an id, or to types that are not entities of this graph",
      );
    }
    return Promise.all(references.map((reference) => reference?.read(reference.id, context) ?? null));
  }
}

function entityOf(type: unknown, prefix: string): Read | undefined {
  return typeof type === "string" && type.startsWith(prefix) ? ENTITIES.get(type.slice(prefix.length)) : undefined;
}

interface Reference {
  readonly read: Read;
  readonly id: string;
}

/**
 * Reads a reference that a router sends. A wrong reference gives no error, because some routers then discard the whole
 * answer, including the other references of the list.
 *
 * @returns `undefined` when it is not a reference to an entity of this graph
 */
function parseReference(representation: unknown, prefix: string): Reference | undefined {
  const { __typename: type, id } = Object(representation) as { __typename?: unknown; id?: unknown };
  const read = entityOf(type, prefix);
  if (!read) return undefined;
  if (typeof id === "string") return { read, id };
  // GraphQL also accepts whole numbers as ids.
  return Number.isSafeInteger(id) ? { read, id: String(id) } : undefined;
}
