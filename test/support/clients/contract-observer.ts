import Ajv2020 from "ajv/dist/2020.js";
import formats from "ajv-formats";

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Compares what a server answers with what its OpenAPI document says, answer by answer. */
export class ContractObserver {
  readonly #document: OpenApiDocument;
  readonly #ajv: Ajv2020.default;
  readonly #seen = new Set<string>();
  /** The answers that differ from the document. */
  readonly violations: string[] = [];

  constructor(document: OpenApiDocument) {
    this.#document = document;
    this.#ajv = new Ajv2020.default({ strict: false, allErrors: true });
    formats.default(this.#ajv);
    this.#ajv.addFormat("image-size", isImageSize);
    this.#ajv.addSchema(document, "openapi");
  }

  /** Sends a request, and checks the answer. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url, { redirect: "manual", ...init });
    const method = (init.method ?? "GET").toLowerCase();
    const body = Buffer.from(await response.clone().arrayBuffer());
    const path = this.#pathOf(new URL(url).pathname);
    const mediaType = response.headers.get("content-type")?.split(";")[0] ?? "";
    const documented = this.#document.paths[path]?.[method]?.responses[response.status];
    const hasContent = documented?.content !== undefined;
    const answer = `${method} ${path} ${response.status}${hasContent ? ` ${mediaType}` : ""}`;
    this.#seen.add(answer);
    if (!documented) this.violations.push(`${answer} is not documented`);
    else if (!hasContent) {
      if (body.length > 0) this.violations.push(`${answer} has a body`);
    } else if (!(mediaType in (documented.content ?? {}))) this.violations.push(`${answer} has this body undocumented`);
    else if (mediaType === "application/json") {
      const place = [path, method, "responses", String(response.status), "content", mediaType, "schema"];
      this.#check(answer, ["paths", ...place], JSON.parse(body.toString()));
    }
    return response;
  }

  /** Checks a value that is only a part of an answer, such as an event. */
  checkSchema(name: string, value: unknown): void {
    this.#check(name, ["components", "schemas", name], value);
  }

  /** Whether the document allows this to be sent. */
  accepts(name: string, value: unknown): boolean {
    return this.#ajv.validate({ $ref: `openapi#/components/schemas/${name}` }, value);
  }

  /** The documented answers that never occurred. */
  get unseen(): string[] {
    const documented = Object.entries(this.#document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.entries(responses).flatMap(([status, { content }]) => {
          const answer = `${method} ${path} ${status}`;
          return content ? Object.keys(content).map((mediaType) => `${answer} ${mediaType}`) : [answer];
        }),
      ),
    );
    return documented.filter((answer) => !this.#seen.has(answer));
  }

  #check(what: string, place: readonly string[], value: unknown): void {
    const pointer = place.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1")).map(encodeURIComponent);
    const isRight = this.#ajv.validate({ $ref: `openapi#/${pointer.join("/")}` }, value);
    if (!isRight) this.violations.push(`${what}: ${this.#ajv.errorsText()}`);
  }

  #pathOf(pathname: string): string {
    const paths = Object.keys(this.#document.paths);
    const fits = (path: string) => new RegExp(`^${path.replaceAll(/\{[a-z]+\}/g, ".+")}$`).test(pathname);
    return paths.find((path) => path === pathname) ?? paths.find(fits) ?? pathname;
  }
}

/** What the format `size` of the document means; the pattern says which sides are allowed. */
function isImageSize(text: string): boolean {
  const [width = 1, height = 1] = text.split(/ ?[xX×] ?/).map(Number);
  return text === "auto" || (width <= 3 * height && height <= 3 * width);
}
