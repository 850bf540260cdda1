import { open } from "node:fs/promises";
import { StartError } from "../errors.ts";

/** The largest file that is accepted, in bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a JSON file of the operator.
 *
 * @param setting the setting that names the file
 * @throws StartError when the file cannot be read, is too long, is not JSON, or gives a name twice
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
    const twice = namesGivenTwice(text);
    if (twice.length > 0) throw new StartError(twice.map((name) => `${path}: ${name} is given twice; remove one`));
    return content;
  } catch (error) {
    throw error instanceof StartError ? error : wrong("is not JSON", error);
  } finally {
    await handle.close();
  }
}

/** Finds repeated names, of which `JSON.parse` silently uses the last. @param text valid JSON */
function namesGivenTwice(text: string): string[] {
  const twice: string[] = [];
  const open: { readonly names: Set<string>; place: string }[] = [];
  for (const [token, isName] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push({ names: new Set(), place: open.at(-1)?.place ?? "" });
    if (token === "}") open.pop();
    const object = open.at(-1);
    if (!object || isName === undefined) continue;
    const name: string = JSON.parse(token.slice(0, -isName.length));
    const parent = open.at(-2)?.place;
    object.place = parent ? `${parent}.${name}` : name;
    if (object.names.has(name)) twice.push(object.place);
    object.names.add(name);
  }
  return twice;
}
