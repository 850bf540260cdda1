import { open } from "node:fs/promises";
import { StartError } from "../errors.ts";

/** The largest file that is accepted, in bytes. */
const MAX_BYTES = 1024 * 1024;
/** The most objects and lists that are open at once. Deeper ones would exceed the stack of what reads them. */
const MAX_DEPTH = 32;

/**
 * Reads a JSON file of the operator.
 *
 * @param setting the setting that names the file
 * @throws StartError when the file cannot be read, is too long or too deep, is not JSON, gives a name twice, or has the
 *   name `__proto__`, which readers silently ignore
 */
export async function readJsonFile(setting: string, path: string): Promise<unknown> {
  const wrong = (what: string, cause?: unknown) => new StartError([`${setting} ${path} ${what}`], { cause });
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`, error);
  });
  try {
    const about = await handle.stat();
    if (!about.isFile()) throw wrong("is not a file");
    if (about.size > MAX_BYTES) throw wrong(`is longer than ${MAX_BYTES} bytes`);
    const text = await handle.readFile("utf8");
    const content: unknown = JSON.parse(text);
    if (depthOf(text) > MAX_DEPTH) throw wrong(`is nested deeper than ${MAX_DEPTH} objects and lists`);
    const problems = problemsOfNames(text);
    if (problems.length > 0) throw new StartError(problems.map((problem) => `${path}: ${problem}`));
    return content;
  } catch (error) {
    throw error instanceof StartError ? error : wrong("is not JSON", error);
  } finally {
    await handle.close();
  }
}

/** @param text valid JSON */
function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") most = Math.max(most, ++depth);
    if (token === "}" || token === "]") depth--;
  }
  return most;
}

/** Finds repeated names, of which `JSON.parse` silently uses the last, and `__proto__`. @param text valid JSON */
function problemsOfNames(text: string): string[] {
  const problems: string[] = [];
  const open: { readonly names: Set<string>; place: string }[] = [];
  for (const [token, isName] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push({ names: new Set(), place: open.at(-1)?.place ?? "" });
    if (token === "}") open.pop();
    const object = open.at(-1);
    if (!object || isName === undefined) continue;
    const name: string = JSON.parse(token.slice(0, -isName.length));
    const parent = open.at(-2)?.place;
    object.place = parent ? `${parent}.${name}` : name;
    if (object.names.has(name)) problems.push(`${object.place} is given twice; remove one`);
    if (name === "__proto__") problems.push(`${object.place} cannot be a name; choose another one`);
    object.names.add(name);
  }
  return problems;
}
