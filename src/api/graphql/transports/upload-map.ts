import { badInput, GatewayError } from "../../../errors.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { ArrivingUpload } from "../types/upload-scalar.ts";

/** The most files of one request: the images of an edit and its mask. */
export const MAX_UPLOADS = MAX_EDIT_IMAGES + 1;
/** The longest `map`, in characters: 17 files with a path of 200 characters each. */
const MAX_MAP_LENGTH = 4096;
/** The fewest and the most segments of a path: `variables.image` has 2, `variables.input.images.0.upload` has 5. */
const MIN_SEGMENTS = 2;
const MAX_SEGMENTS = 6;
/** Names that reach the prototypes, which all objects share. */
const FORBIDDEN_SEGMENTS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const EXAMPLE = '{"0": ["variables.image"]}';

/**
 * Reads the `map` of a multipart request and puts an upload in each place that it names. Each place must already exist
 * in the operation's variables and hold null, so a map cannot add places or replace values. If any part of the map is
 * wrong, the variables stay unchanged.
 *
 * @returns the uploads by the names of their form fields
 * @throws BAD_USER_INPUT when the map is wrong, PAYLOAD_TOO_LARGE when it names more than {@link MAX_UPLOADS} places
 * @see https://github.com/jaydenseric/graphql-multipart-request-spec
 */
export function placeUploads(operations: object, text: string): ReadonlyMap<string, ArrivingUpload> {
  const pathsByName = parseMap(text);
  const uploads = new Map<string, ArrivingUpload>();
  const taken = new Set<string>();
  const places: { readonly place: VariablePlace; readonly upload: ArrivingUpload }[] = [];
  for (const [name, paths] of pathsByName) {
    const upload = new ArrivingUpload(paths.length);
    uploads.set(name, upload);
    for (const path of paths) {
      if (taken.has(path)) throw wrongMap(`it names ${path} twice`);
      taken.add(path);
      places.push({ place: findPlace(operations, path), upload });
    }
  }
  for (const { place, upload } of places) place.container[place.key] = upload;
  return uploads;
}

function parseMap(text: string): readonly (readonly [name: string, paths: readonly string[]])[] {
  if (text.length > MAX_MAP_LENGTH) throw wrongMap(`it has more than ${MAX_MAP_LENGTH} characters`);
  const entries = Object.entries(parseObject(text)).map(([name, paths]): readonly [string, readonly string[]] => {
    const isList = Array.isArray(paths) && paths.length > 0 && paths.every((path) => typeof path === "string");
    if (!isList) throw wrongMap("it must give each file a list of paths");
    return [name, paths];
  });
  const count = entries.reduce((sum, [, paths]) => sum + paths.length, 0);
  if (count > MAX_UPLOADS) {
    throw new GatewayError("PAYLOAD_TOO_LARGE", `the form has too many files; send at most ${MAX_UPLOADS}`);
  }
  return entries;
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrongMap("it is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongMap("it must be a JSON object");
  return value;
}

/** The place in the variables that an upload goes to. */
interface VariablePlace {
  readonly container: Record<string, unknown>;
  readonly key: string;
}

function findPlace(operations: object, path: string): VariablePlace {
  const segments = path.split(".", MAX_SEGMENTS + 1);
  const isRightLength = segments.length >= MIN_SEGMENTS && segments.length <= MAX_SEGMENTS;
  if (!isRightLength || segments[0] !== "variables" || segments.some((segment) => FORBIDDEN_SEGMENTS.has(segment))) {
    throw wrongMap("each path must lead to a variable");
  }
  const key = segments.at(-1) ?? "";
  let container: unknown = operations;
  for (const segment of segments.slice(0, -1)) container = memberOf(container, segment);
  if (memberOf(container, key) !== null) throw wrongMap(`${path} must be null in the variables`);
  return { container: container as Record<string, unknown>, key };
}

/** Returns an object's own member; `undefined` when there is none. */
function memberOf(container: unknown, key: string): unknown {
  if (typeof container !== "object" || container === null || !Object.hasOwn(container, key)) return undefined;
  return (container as Record<string, unknown>)[key];
}

function wrongMap(problem: string) {
  return badInput("map", `the field map of this form cannot be used: ${problem}; send it as ${EXAMPLE}`);
}
