import { join, sep } from "node:path";

/** Where the files of objects are, by paths relative to the root of a store. */
export interface FileLayout {
  /** Where the file of an object is written. */
  pathOf(key: string): string;
  /** Where the file of an object may be. The first one that exists counts. */
  pathsOf(key: string): readonly string[];
  /** The directories that have all files of objects whose keys have this beginning, and maybe others. */
  directoriesOf(prefix: string): readonly string[];
  keyOf(path: string): string;
}

/** Each key is a path: a directory for each generation, with one for each image. */
export const BY_KEY: FileLayout = {
  pathOf: (key) => key.replaceAll("/", sep),
  pathsOf: (key) => [BY_KEY.pathOf(key)],
  directoriesOf: (prefix) => [prefix.slice(0, prefix.lastIndexOf("/") + 1)],
  keyOf: (path) => path.replaceAll(sep, "/"),
};

/** Stands for the `/` of a key in the name of a file, and ends the name of a directory. No segment of a key contains it. */
const SEPARATOR = "~";
/** `gen_` and seven characters of a UUIDv7 in base 32, which are the same for 33 seconds. */
const DIRECTORY_LENGTH = 11;

/**
 * The files of the generations of the same seconds share a directory. With directories of its own, each image would
 * wait until they are created and synced. Files of earlier versions, which are placed {@link BY_KEY}, are found too.
 */
export const BY_TIME: FileLayout = {
  pathOf: (key) => join(directoryOf(key) ?? "", key.replaceAll("/", SEPARATOR)),
  pathsOf: (key) => [...new Set([BY_TIME.pathOf(key), BY_KEY.pathOf(key)])],
  directoriesOf(prefix) {
    const directory = directoryOf(prefix);
    return directory === undefined ? [""] : [directory, ...BY_KEY.directoriesOf(prefix)];
  },
  keyOf(path) {
    const name = path.slice(path.lastIndexOf(sep) + 1);
    return name.includes(SEPARATOR) ? name.replaceAll(SEPARATOR, "/") : BY_KEY.keyOf(path);
  },
};

/** `undefined` if objects whose keys have this beginning are in several directories, or in the root. */
function directoryOf(prefix: string): string | undefined {
  const end = prefix.indexOf("/");
  return end === -1 ? undefined : prefix.slice(0, Math.min(end, DIRECTORY_LENGTH)) + SEPARATOR;
}
