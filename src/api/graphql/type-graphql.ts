export * from "type-graphql";

/**
 * type-graphql keeps what decorators say in one global variable, whichever copy of it a decorator comes from. In a
 * program that uses type-graphql too, the host's types would become ours and ours the host's, and two versions would
 * break each other. So the gateway keeps its own value, and sets the variable only while its own code runs.
 *
 * Every module with decorated classes imports them from here, so this module runs before the first of them.
 */
interface Holder {
  TypeGraphQLMetadataStorage?: unknown;
}

const holder = globalThis as Holder;
const hosts = holder.TypeGraphQLMetadataStorage;
let own: unknown;
holder.TypeGraphQLMetadataStorage = undefined;

/**
 * Gives the variable back to the host. The last module to be evaluated calls it: a graph of modules is evaluated in one
 * turn, so no module of the host runs in between.
 */
export function endDecorating(): void {
  own = holder.TypeGraphQLMetadataStorage;
  holder.TypeGraphQLMetadataStorage = hosts;
}

/** Runs code of type-graphql that reads what our decorators said. It must not wait for anything. */
export function withOwnMetadata<Result>(run: () => Result): Result {
  const previous = holder.TypeGraphQLMetadataStorage;
  holder.TypeGraphQLMetadataStorage = own;
  try {
    return run();
  } finally {
    holder.TypeGraphQLMetadataStorage = previous;
  }
}
