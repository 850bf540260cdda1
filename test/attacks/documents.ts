import { type Attack, ask, askGraph, type Scale } from "./attack.ts";

/** Documents that are long, deep, or cheap to send and expensive to answer. */
export const DOCUMENT_ATTACKS: readonly Attack[] = [
  {
    name: "a block string of escaped quotes",
    run: async (target, scale) => {
      const query = `{ generations(first: """${'\\"'.repeat(sized(scale, 2_000, 230_000))}x\\\n""") { edges { cursor } } }`;
      return [await askGraph(target, query), await askGraph(target, query, {}, "/graphql/stream")];
    },
    expected: /^(200|400|413) (GRAPHQL_VALIDATION_FAILED|GRAPHQL_PARSE_FAILED|BAD_USER_INPUT|PAYLOAD_TOO_LARGE)$/,
  },
  {
    name: "a suggestion inside a suggestion",
    env: { NODE_ENV: "production" },
    run: async (target, scale) => {
      const query = `{ generations(first: "${"Did you mean ".repeat(sized(scale, 500, 60_000))}") { edges { cursor } } }`;
      return [await askGraph(target, query)];
    },
    expected: /^(200|400|413) (GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT|PAYLOAD_TOO_LARGE)$/,
  },
  {
    name: "introspection of lists in lists",
    run: async (target, scale) => {
      const deep = (depth: number): string =>
        depth === 0
          ? "name"
          : `name fields { name args { name } type { ${deep(depth - 1)} possibleTypes { ${deep(depth - 1)} } } }`;
      return [await askGraph(target, `{ __schema { types { ${deep(sized(scale, 3, 5))} } } }`)];
    },
    expected: /^(200|400) (GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT|BAD_REQUEST)$/,
  },
  {
    name: "a deep JSON value as a reference to an entity",
    run: async (target, scale) => {
      const depth = sized(scale, 20_000, 140_000);
      const query = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }";
      const nested = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
      const body = `{"query":${JSON.stringify(query)},"variables":{"r":[{"__typename":"Image","id":"img_a","z":${nested}}]}}`;
      return [await askBody(target, body)];
    },
    expected: /^(200|400|413) (BAD_USER_INPUT|PAYLOAD_TOO_LARGE)$/,
  },
  {
    name: "a deep JSON body",
    run: async (target, scale) => {
      const depth = sized(scale, 20_000, 500_000);
      const body = `{"variables":${"[".repeat(depth)}${"]".repeat(depth)},"query":"{ __typename }"}`;
      return [await askBody(target, body), await askBody(target, "[".repeat(depth))];
    },
    expected: /^(200|(400|413) (BAD_USER_INPUT|BAD_REQUEST|PAYLOAD_TOO_LARGE))$/,
  },
  {
    name: "a chain of sources through derivedFrom",
    run: async (target) => {
      const deep = (depth: number): string => (depth === 0 ? "id" : `derivedFrom { id ${deep(depth - 1)} }`);
      return [await askGraph(target, `{ generations(first: 100) { edges { node { images { ${deep(5)} } } } } }`)];
    },
    expected: /^(200|400) (GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT|BAD_REQUEST)$/,
  },
];

function sized(scale: Scale, small: number, full: number): number {
  return scale === "full" ? full : small;
}

function askBody(target: Parameters<Attack["run"]>[0], body: string): Promise<string> {
  return ask(target, "/graphql", { method: "POST", headers: { "Content-Type": "application/json" }, body });
}
