import type { Generation } from "../state/generations.ts";

/** The request that made a generation. */
export interface CodeRequest
  extends Pick<Generation, "operation" | "prompt" | "n" | "quality" | "format" | "background"> {
  readonly model: string;
  readonly size: string;
  readonly seed: number | null;
  /** The ids of the images that were edited, as far as they are known. */
  readonly sources: readonly string[];
}

export interface CodeOptions {
  /** The gateway's address, without a slash at the end. */
  readonly rootUrl: string;
  /** Whether callers need a key. */
  readonly isKeyed: boolean;
}

export const CODE_LANGUAGES = ["graphql", "curl", "javascript", "python"] as const;
export type CodeLanguage = (typeof CODE_LANGUAGES)[number];

/** Writes the request in a language, ready to run. A key is never part of it: it is read from PICTOGRAPH_API_KEY. */
export function codeFor(language: CodeLanguage, request: CodeRequest, options: CodeOptions): string {
  return WRITERS[language](request, options);
}

type Writer = (request: CodeRequest, options: CodeOptions) => string;

const WRITERS: Readonly<Record<CodeLanguage, Writer>> = { graphql, curl, javascript, python };

function graphql(request: CodeRequest): string {
  const { operation, prompt, model, n, size, quality, format, background, seed, sources } = request;
  const isEdit = operation === "EDIT";
  const images = sources.length > 0 ? sources : ["img_…"];
  const input = [
    `prompt: ${quoted(prompt)}`,
    ...(isEdit ? [`images: [${images.map((id) => `{ id: ${quoted(id)} }`).join(", ")}]`] : []),
    `model: ${quoted(model)}`,
    `n: ${n}`,
    `size: ${quoted(size)}`,
    ...(quality === "AUTO" ? [] : [`quality: ${quality}`]),
    ...(format === "PNG" ? [] : [`format: ${format}`]),
    ...(background === "AUTO" ? [] : [`background: ${background}`]),
    ...(seed === null ? [] : [`seed: ${seed}`]),
  ];
  return `mutation {
  ${isEdit ? "editImages" : "generateImages"}(input: {
    ${input.join("\n    ")}
  }) {
    id
    status
    images { url width height }
    failure { code message }
    cost
  }
}`;
}

function curl(request: CodeRequest, { rootUrl, isKeyed }: CodeOptions): string {
  const authorization = isKeyed ? ['-H "Authorization: Bearer $PICTOGRAPH_API_KEY"'] : [];
  if (request.operation === "EDIT") {
    const fields = Object.entries(parametersOf(request)).map(
      ([name, value]) => `-F ${shellQuoted(`${name}=${value}`)}`,
    );
    return [`curl ${rootUrl}/v1/images/edits`, ...authorization, "-F 'image[]=@image.png'", ...fields].join(" \\\n  ");
  }
  const body = JSON.stringify({ ...parametersOf(request), response_format: "url" }, null, 2);
  return [
    `curl ${rootUrl}/v1/images/generations`,
    ...authorization,
    '-H "Content-Type: application/json"',
    `-d ${shellQuoted(body)}`,
  ].join(" \\\n  ");
}

function javascript(request: CodeRequest, { rootUrl, isKeyed }: CodeOptions): string {
  const isEdit = request.operation === "EDIT";
  const parameters = Object.entries({ ...parametersOf(request), response_format: "url" });
  const lines = parameters.map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return [
    ...(isEdit ? ['import { createReadStream } from "node:fs";'] : []),
    'import OpenAI from "openai";',
    "",
    "const client = new OpenAI({",
    `  baseURL: ${quoted(`${rootUrl}/v1`)},`,
    `  apiKey: ${isKeyed ? "process.env.PICTOGRAPH_API_KEY" : '"none"'},`,
    "});",
    `const { data } = await client.images.${isEdit ? "edit" : "generate"}({`,
    ...(isEdit ? ['  image: [createReadStream("image.png")],'] : []),
    ...lines,
    "});",
    "for (const { url } of data) console.log(url);",
  ].join("\n");
}

function python(request: CodeRequest, { rootUrl, isKeyed }: CodeOptions): string {
  const isEdit = request.operation === "EDIT";
  const parameters = Object.entries({ ...parametersOf(request), response_format: "url" });
  const lines = parameters.map(([name, value]) => `    ${name}=${JSON.stringify(value)},`);
  return [
    ...(isKeyed ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    "client = OpenAI(",
    `    base_url=${quoted(`${rootUrl}/v1`)},`,
    `    api_key=${isKeyed ? 'os.environ["PICTOGRAPH_API_KEY"]' : '"none"'},`,
    ")",
    `result = client.images.${isEdit ? "edit" : "generate"}(`,
    ...(isEdit ? ['    image=[open("image.png", "rb")],'] : []),
    ...lines,
    ")",
    "for image in result.data:",
    "    print(image.url)",
  ].join("\n");
}

/** The parameters of OpenAI's Images API. It has no seed. */
function parametersOf({ model, prompt, n, size, quality, format, background }: CodeRequest) {
  return {
    model,
    prompt,
    n,
    size,
    ...(quality !== "AUTO" && { quality: quality.toLowerCase() }),
    ...(format !== "PNG" && { output_format: format.toLowerCase() }),
    ...(background !== "AUTO" && { background: background.toLowerCase() }),
  };
}

/** A string as JSON writes it. GraphQL, JavaScript and Python read it alike. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
