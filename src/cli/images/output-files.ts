import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { usageFailure } from "../command-failure.ts";
import type { CliImage } from "../generation.ts";
import { printable } from "../printable.ts";

/** The formats by the extensions that name them. */
const FORMATS: Readonly<Record<string, string>> = {
  ".png": "PNG",
  ".jpg": "JPEG",
  ".jpeg": "JPEG",
  ".webp": "WEBP",
  ".avif": "AVIF",
};
const EXTENSIONS: Readonly<Record<string, string>> = { PNG: ".png", JPEG: ".jpg", WEBP: ".webp", AVIF: ".avif" };

/**
 * Says which files the images go to. With a file name, one image gets exactly this name, and several get `-1`, `-2`,
 * … before the extension. With a directory, or without a name, each file is named after the id of its image.
 */
export class OutputFiles {
  readonly #directory: string;
  /** Without its extension; `undefined` for the ids of the images. */
  readonly #stem: string | undefined;
  readonly #extension: string;
  readonly isReplacing: boolean;

  private constructor(directory: string, stem: string | undefined, extension: string, isReplacing: boolean) {
    this.#directory = directory;
    this.#stem = stem;
    this.#extension = extension;
    this.isReplacing = isReplacing;
  }

  /**
   * Checks that the directory exists and can be written.
   *
   * @param output a file name or a directory; `undefined` for the current directory
   * @throws CommandFailure naming what is wrong with it
   */
  static async open(output: string | undefined, isReplacing: boolean): Promise<OutputFiles> {
    if (output === "-") throw usageFailure("-o - is not possible: the paths of the images go to stdout; name a file");
    const isDirectory = output === undefined || output.endsWith("/") || (await isDirectoryAt(output));
    const directory = isDirectory ? (output ?? ".") : dirname(output);
    await checkDirectory(directory);
    if (isDirectory) return new OutputFiles(directory, undefined, "", isReplacing);
    const extension = extname(output);
    if (extension !== "" && !(extension.toLowerCase() in FORMATS)) {
      throw usageFailure(
        `-o ${printable(output)}: ${printable(extension)} is not possible; use ${Object.keys(FORMATS).join(", ")}`,
      );
    }
    return new OutputFiles(directory, basename(output, extension), extension, isReplacing);
  }

  /** The format that the name asks for, as the graph spells it; `undefined` if it asks for none. */
  get format(): string | undefined {
    return FORMATS[this.#extension.toLowerCase()];
  }

  /** @throws CommandFailure when the format contradicts the extension of the name */
  checkFormat(format: string): void {
    if (this.format === undefined || this.format === format) return;
    throw usageFailure(
      `the name ${this.#stem}${this.#extension} is not of a ${format} file; use ${EXTENSIONS[format]}`,
    );
  }

  /** @throws CommandFailure naming the first file that exists and may not be replaced */
  async checkFree(n: number, format: string): Promise<void> {
    if (this.isReplacing || this.#stem === undefined) return;
    for (let index = 0; index < n; index++) {
      const path = this.#path(index, n, format, "");
      if (await exists(path)) {
        throw usageFailure(`${printable(path)} exists; choose another name, or replace it with --force`);
      }
    }
  }

  /** @param n how many images the generation was asked for */
  pathOf({ id, index, format }: CliImage, n: number): string {
    return this.#path(index, n, format, id);
  }

  /** A name beside a path, for a file that is not complete. */
  static temporaryPathOf(path: string): string {
    return join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.part`);
  }

  #path(index: number, n: number, format: string, id: string): string {
    const extension = this.#extension || EXTENSIONS[format] || "";
    if (this.#stem !== undefined)
      return join(this.#directory, `${this.#stem}${n > 1 ? `-${index + 1}` : ""}${extension}`);
    // An id comes from the gateway: nothing in it may lead to another directory.
    return join(this.#directory, `${id.replaceAll(/[^A-Za-z0-9_]/g, "").slice(0, 100)}${extension}`);
  }
}

async function isDirectoryAt(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function checkDirectory(path: string): Promise<void> {
  const shown = printable(path);
  try {
    if (!(await stat(path)).isDirectory()) throw usageFailure(`${shown} is not a directory`);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw usageFailure(
      code === "ENOENT"
        ? `the directory ${shown} does not exist; create it first`
        : `the directory ${shown} cannot be written (${code}); choose another one with -o`,
    );
  }
}
