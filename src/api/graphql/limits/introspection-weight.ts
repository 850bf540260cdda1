import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";

/** This many characters of text weigh as much as one field. */
const CHARACTERS_PER_FIELD = 100;

export interface IntrospectionOptions {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Weighing stops once the weight exceeds this. */
  readonly limit: number;
}

/**
 * Weighs `__schema` and `__type`: 1 for each field in the answer, plus 1 for each 100 characters of its text. The
 * schema already holds the answer to these fields, so the weight is exact. An assumed list length would be far off for
 * lists in lists. The same selections on the same object are weighed only once.
 */
export class IntrospectionWeigher {
  readonly #options: IntrospectionOptions;
  readonly #known = new Map<SelectionSetNode, Map<object, number>>();
  /** How many fields were weighed. Each adds at least 1 to the weight. */
  #weighedFields = 0;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
  }

  /**
   * @param node a field of the query; every field except `__schema` and `__type` weighs 0
   * @returns the weight; for a field that is too heavy, some number above the limit
   */
  weigh(node: FieldNode): number {
    const field = [SchemaMetaFieldDef, TypeMetaFieldDef].find(({ name }) => name === node.name.value);
    return field ? this.#weighField(field, node, {}) : 0;
  }

  #weighSelections({ selections }: SelectionSetNode, type: GraphQLObjectType, source: object): number {
    let weight = 0;
    for (const selection of selections) {
      if (this.#weighedFields > this.#options.limit) return this.#options.limit + 1;
      if (selection.kind === Kind.FIELD) {
        const field = type.getFields()[selection.name.value];
        // `__typename` is not among the fields of a type.
        weight += field ? this.#weighField(field, selection, source) : 1;
        continue;
      }
      const { selectionSet } =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragment(selection.name.value);
      weight += this.#weighOnce(selectionSet, type, source);
    }
    return weight;
  }

  #weighOnce(selectionSet: SelectionSetNode, type: GraphQLObjectType, source: object): number {
    const bySource = this.#known.get(selectionSet) ?? new Map<object, number>();
    this.#known.set(selectionSet, bySource);
    const weight = bySource.get(source) ?? this.#weighSelections(selectionSet, type, source);
    bySource.set(source, weight);
    return weight;
  }

  #weighField(field: typeof SchemaMetaFieldDef, node: FieldNode, source: object): number {
    this.#weighedFields++;
    const { schema, variables } = this.#options;
    const args = getArgumentValues(field, node, variables);
    const value: unknown = field.resolve?.(source, args, undefined, { schema } as GraphQLResolveInfo);
    if (typeof value === "string") return 1 + Math.floor(value.length / CHARACTERS_PER_FIELD);
    const { selectionSet } = node;
    if (!selectionSet) return 1;
    const type = getNamedType(field.type) as GraphQLObjectType;
    const items = (Array.isArray(value) ? value : [value]) as (object | null | undefined)[];
    return items.reduce((sum, item) => sum + (item ? this.#weighOnce(selectionSet, type, item) : 0), 1);
  }

  #fragment(name: string): FragmentDefinitionNode {
    const fragment = this.#options.fragments.get(name);
    if (!fragment) throw new Error("a valid document lacks one of its fragments");
    return fragment;
  }
}
