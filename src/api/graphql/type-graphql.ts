export * from "type-graphql";

/**
 * type-graphql stores the metadata of decorators in one global variable, which all its copies share. In a host program
 * that also uses type-graphql, the types of the host and of the gateway would mix, and two versions would break each
 * other. So the gateway keeps its own value and sets the variable only while its own code runs.
 *
 * Every module with decorated classes imports the decorators from here, so this module runs before the first of them.
 */
interface MetadataHolder {
  TypeGraphQLMetadataStorage?: unknown;
}

const holder = globalThis as MetadataHolder;
const hostMetadata = holder.TypeGraphQLMetadataStorage;
let ownMetadata: unknown;
holder.TypeGraphQLMetadataStorage = undefined;

/**
 * Restores the host's value. The last module to be evaluated calls this. All modules are evaluated in one turn of the
 * event loop, so no module of the host runs in between.
 */
export function endDecorating(): void {
  ownMetadata = holder.TypeGraphQLMetadataStorage;
  holder.TypeGraphQLMetadataStorage = hostMetadata;
}

/** Runs code that needs the metadata of the gateway's decorators. @param run must be synchronous */
export function withOwnMetadata<Result>(run: () => Result): Result {
  const previous = holder.TypeGraphQLMetadataStorage;
  holder.TypeGraphQLMetadataStorage = ownMetadata;
  try {
    return run();
  } finally {
    holder.TypeGraphQLMetadataStorage = previous;
  }
}
