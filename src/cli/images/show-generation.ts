import { type CliGeneration, countOf, toAge, toCost, toDuration } from "../generation.ts";
import { printable } from "../printable.ts";
import type { Terminal } from "../terminal.ts";

const LABEL_COLUMNS = 10;

/** Prints a generation with its images, a line for each fact. */
export function showGeneration(terminal: Terminal, generation: CliGeneration): void {
  const { id, status, prompt, operation, model, n, requestedSize, images, failure, warnings } = generation;
  const { createdAt, startedAt, finishedAt } = generation;
  const fact = (label: string, text: string) =>
    terminal.data(`${terminal.dataStyle("dim", label.padEnd(LABEL_COLUMNS))}${text}`);
  fact("id", printable(id));
  fact("status", printable(status));
  fact("prompt", printable(prompt));
  fact(
    "request",
    `${operation === "EDIT" ? "edit: " : ""}${countOf(n, "image")} of ${printable(requestedSize)} by ${printable(model.id, 60)}`,
  );
  fact("created", `${printable(createdAt)} (${toAge(createdAt)})`);
  if (finishedAt !== null) fact("took", toDuration(startedAt ?? createdAt, finishedAt));
  fact("cost", toCost(generation));
  if (failure) fact("failure", `${printable(failure.message)} (${printable(failure.code)})`);
  for (const { message } of warnings) fact("warning", printable(message));
  for (const { id: imageId, width, height, format, byteSize, url } of images) {
    fact("image", `${printable(imageId)} · ${width}x${height} ${printable(format)} · ${toSize(byteSize)}`);
    fact("", printable(url, 2000));
  }
}

function toSize(bytes: number): string {
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
