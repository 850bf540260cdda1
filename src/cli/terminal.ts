import { styleText } from "node:util";
import { columnsOf, toColumns, toJsonLine } from "./printable.ts";

type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** How wide a terminal is that does not say. */
const DEFAULT_COLUMNS = 80;
const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_MS = 120;
/** What the system answers when the other end of a pipe is closed. */
const READER_GONE = "EPIPE";
/** Returns to the start of the line and clears it. */
const CLEAR_LINE = "\r\u001b[2K";

/**
 * Where a command prints. Data goes to stdout, everything else to stderr, and progress only to a terminal. A reader of
 * stdout may leave early, as `head -1` does: later data is dropped.
 */
export class Terminal {
  /** Whether progress is shown: stderr is a terminal that can move its cursor. */
  readonly isInteractive: boolean;
  readonly #readerGone = new AbortController();
  #outputError: NodeJS.ErrnoException | undefined;
  readonly #startedAt = performance.now();
  #status: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param isDumb the terminal cannot move its cursor */
  constructor(isDumb: boolean) {
    this.isInteractive = process.stderr.isTTY === true && !isDumb;
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== READER_GONE) this.#outputError ??= error;
      this.#readerGone.abort();
    });
    process.stderr.on("error", () => {});
  }

  /** Aborts when nothing more can be written to stdout, as a rule because its reader has left. */
  get readerGone(): AbortSignal {
    return this.#readerGone.signal;
  }

  /** Why data was lost though nobody chose to stop reading: a full disk, for example. Known after {@link flush}. */
  get outputError(): NodeJS.ErrnoException | undefined {
    return this.#outputError;
  }

  /** Whether people read stdout. Otherwise a program does. */
  get isForPeople(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Prints a line of data. */
  data(line: string): void {
    if (this.#readerGone.signal.aborted) return;
    this.#clear();
    process.stdout.write(`${line}\n`);
    this.#draw();
  }

  /** Prints a value as a line of JSON. */
  json(value: unknown): void {
    this.data(toJsonLine(value));
  }

  /** Prints a line for people. */
  note(line: string): void {
    this.#clear();
    process.stderr.write(`${line}\n`);
    this.#draw();
  }

  /** Prints a line for people who watch; scripts do not see it. */
  remark(line: string): void {
    if (this.isInteractive) this.note(line);
  }

  /** Says that something is not as the caller asked. */
  warn(text: string): void {
    this.note(`${this.style("yellow", "!")} ${text}`);
  }

  /** Shows the progress in one line that is replaced, on a terminal only. */
  progress(text: string): void {
    if (!this.isInteractive) return;
    this.#status = text;
    this.#timer ??= setInterval(() => this.#draw(), SPINNER_MS).unref();
    this.#draw();
  }

  /** Removes the line of {@link progress}. */
  endProgress(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#clear();
    this.#status = undefined;
  }

  /** Styles a text for stderr, if colours are wanted there. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stderr });
  }

  /** Styles a text for stdout, if colours are wanted there. */
  dataStyle(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  /**
   * Prints rows: for people as a table with a head, whose last column is cut to the terminal's width, and for programs
   * with tabs between the cells and no head.
   *
   * @param cells printable texts
   */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    if (!this.isForPeople) {
      for (const row of rows) this.data(row.join("\t"));
      return;
    }
    const widths = head.map((name, column) =>
      Math.max(...[name, ...rows.map((row) => row[column] ?? "")].map((cell) => columnsOf(cell))),
    );
    const lastWidth = (process.stdout.columns || DEFAULT_COLUMNS) - widths.slice(0, -1).reduce((a, b) => a + b + 2, 0);
    const toLine = (row: readonly string[]) =>
      row
        .map((cell, column) =>
          column === head.length - 1
            ? toColumns(cell, Math.max(lastWidth, 10))
            : cell + " ".repeat((widths[column] ?? 0) - columnsOf(cell) + 2),
        )
        .join("")
        .trimEnd();
    this.data(this.dataStyle("dim", toLine(head)));
    for (const row of rows) this.data(toLine(row));
  }

  /** Resolves when everything is written, or nobody reads it. */
  async flush(): Promise<void> {
    this.endProgress();
    await Promise.all(
      [process.stdout, process.stderr].map(
        (stream) => new Promise<void>((resolve) => stream.write("", () => resolve())),
      ),
    );
  }

  #clear(): void {
    if (this.#status !== undefined) process.stderr.write(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#status === undefined) return;
    const elapsedMs = performance.now() - this.#startedAt;
    const frame = SPINNER[Math.floor(elapsedMs / SPINNER_MS) % SPINNER.length] ?? "";
    const seconds = Math.floor(elapsedMs / 1000);
    const line = toColumns(`${this.#status} · ${seconds} s`, (process.stderr.columns || DEFAULT_COLUMNS) - 3);
    process.stderr.write(`${CLEAR_LINE}${this.style("cyan", frame)} ${line}`);
  }
}
