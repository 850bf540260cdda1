import type { Express } from "express";

interface Layer {
  readonly route?: {
    readonly path: string | RegExp | (string | RegExp)[];
    readonly methods: Readonly<Record<string, boolean>>;
  };
  readonly handle: { readonly stack?: readonly Layer[] };
}

/** A path for each pattern that a route has instead of a path. */
const PATHS_OF_PATTERNS = ["/images/*path", "/v1/images/generations", "/v1/models"];

/** Every route that was ever added to the app, each once, as `METHOD path`; `ALL path` if it takes every method. */
export function routesOf(app: Express): string[] {
  return [...new Set(routesIn(app.router as unknown as Layer["handle"]))];
}

/** The address of a route, with `x` in place of its parameters. */
export function toAddress(path: string): string {
  return path.replaceAll(/[:*]\w+/g, "x");
}

function routesIn({ stack = [] }: Layer["handle"]): string[] {
  return stack.flatMap(({ route, handle }) =>
    route
      ? Object.keys(route.methods).flatMap((method) =>
          [route.path].flat().map((path) => `${method === "_all" ? "ALL" : method.toUpperCase()} ${toPath(path)}`),
        )
      : routesIn(handle),
  );
}

function toPath(path: string | RegExp): string {
  if (typeof path === "string") return path;
  const known = PATHS_OF_PATTERNS.find((each) => path.test(each));
  if (known === undefined) throw new Error(`name a path for the pattern ${path} in PATHS_OF_PATTERNS`);
  return known;
}
