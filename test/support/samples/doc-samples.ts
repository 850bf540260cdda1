import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A fenced block of a document. */
export interface DocSample {
  /** Where it is: `docs/graphql.md:12`. */
  readonly place: string;
  /** What the fence says: `js`, `sh`, `graphql`. */
  readonly language: string;
  readonly code: string;
}

/** Every fenced block in the READMEs and documents, except the decisions, which describe the past. */
export async function readDocSamples(): Promise<readonly DocSample[]> {
  const documents = (await readdir(join(ROOT, "docs"))).filter((name) => name.endsWith(".md"));
  const files = ["README.md", "README.zh-CN.md", ...documents.map((name) => join("docs", name))];
  const samples = await Promise.all(
    files.map(async (file) => samplesOf(file, await readFile(join(ROOT, file), "utf8"))),
  );
  return samples.flat();
}

function samplesOf(file: string, text: string): DocSample[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = "", 2: code = "", index }) => ({
    place: `${file}:${text.slice(0, index).split("\n").length}`,
    language,
    code,
  }));
}

/**
 * Writes a sample into a place where it finds the packages that a reader would have installed, including `pictograph`,
 * and removes it after `use`.
 */
export async function withSampleFile<Result>(
  name: string,
  code: string,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(ROOT, "dist", "sample-"));
  try {
    const path = join(directory, name);
    await writeFile(path, code);
    return await use(relative(process.cwd(), path));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
