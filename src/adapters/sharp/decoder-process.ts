import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type EncodedImage, UndecodableImageError } from "../../ports/image-codec.ts";
import type { Answer, Question } from "./decoder-program.ts";
import { BrokenPipeError, MessagePipe, PIPE } from "./messages.ts";
import type { OperationResult } from "./operations.ts";

/** The limits for one image. */
export interface DecoderLimits {
  /** Memory of the process that decodes it, in bytes; about 70 MB of it are the process's own. */
  readonly maxBytes: number;
  /** From the first byte in to the last one out, in milliseconds. */
  readonly deadlineMs: number;
}

const PROGRAM = fileURLToPath(new URL(`./decoder-program${extname(import.meta.url)}`, import.meta.url));
/** A decoder process has few JavaScript objects; images are outside of V8's heap. */
const V8_OPTIONS = ["--max-old-space-size=64", "--max-semi-space-size=1"];
/** glibc keeps freed memory in arenas. Fewer arenas keep less memory. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: "2" };
const NOT_RUNNING = "the program that decodes images does not run";
/** The most characters of a process's error output that are kept. */
const MAX_COMPLAINT_LENGTH = 4096;

/** A process that decodes one image at a time. It has none of the gateway's secrets, and ends when the gateway ends. */
export class DecoderProcess {
  readonly #deadlineMs: number;
  readonly #process: ChildProcess;
  readonly #pipe: MessagePipe;
  readonly #handles: readonly (ChildProcess | Socket)[];
  readonly #ending = Promise.withResolvers<Ending>();
  #complaint = "";
  #isReusable = true;

  constructor({ maxBytes, deadlineMs }: DecoderLimits) {
    this.#deadlineMs = deadlineMs;
    this.#process = spawn(process.execPath, [...V8_OPTIONS, PROGRAM, String(maxBytes)], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      env: ENVIRONMENT,
      windowsHide: true,
    });
    this.#process.once("error", (cause) => this.#ending.resolve({ cause }));
    this.#process.once("exit", (code, signal) => this.#ending.resolve({ code, signal }));
    const { stderr, stdio } = this.#process as Partial<ChildProcess>;
    const [complaints, pipe] = [stderr as Socket | undefined, stdio?.[PIPE] as Socket | undefined];
    // Where no more files can be opened there is nothing to speak over; the error comes later.
    if (!complaints || !pipe) throw new Error(NOT_RUNNING);
    this.#pipe = new MessagePipe(pipe);
    this.#handles = [this.#process, complaints, pipe];
    complaints.on("error", () => {});
    complaints.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(0, MAX_COMPLAINT_LENGTH);
    });
    this.#keepGatewayAlive(false);
  }

  /** Resolves when the process has ended, for whatever reason. */
  get ended(): Promise<unknown> {
    return this.#ending.promise;
  }

  /** Ends the process, whatever it is doing. */
  end(): void {
    // Who waits for its end, waits for it alone.
    this.#process.ref();
    this.#process.kill("SIGKILL");
  }

  /** Whether the process can take another image: it has answered the last one, and kept little memory. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /**
   * Yields the bytes of an operation's result, and returns its facts. A process that is not reusable afterwards ends.
   *
   * @throws UndecodableImageError, and what reading the image throws
   */
  async *run(question: Question, image: EncodedImage): AsyncGenerator<Uint8Array, OperationResult["facts"]> {
    const timer = setTimeout(() => this.end(), this.#deadlineMs);
    this.#keepGatewayAlive(true);
    this.#isReusable = false;
    try {
      await this.#send(question, image);
      const answer = await this.#pipe.next<Answer>();
      if (!answer) throw new BrokenPipeError("there was no answer");
      yield* answer.bytes;
      this.#isReusable = !answer.header.isSpent;
      if ("problem" in answer.header) throw new UndecodableImageError("damaged", answer.header.problem);
      return answer.header.facts;
    } catch (error) {
      throw error instanceof BrokenPipeError ? this.#toError(await this.#ending.promise) : error;
    } finally {
      clearTimeout(timer);
      this.#keepGatewayAlive(false);
      if (!this.#isReusable) this.end();
    }
  }

  async #send(question: Question, image: EncodedImage): Promise<void> {
    await this.#pipe.writeHeader(question, image.byteSize);
    let left = image.byteSize;
    for await (const piece of image.read()) {
      left -= piece.byteLength;
      if (left < 0) break;
      await this.#pipe.write(piece);
    }
    if (left !== 0) throw new Error("an image is not as large as its store said");
  }

  #toError(ending: Ending): Error {
    if ("signal" in ending && ending.signal) {
      return new UndecodableImageError("exhausting", "decoding this image takes more memory or time than any may");
    }
    const cause = "cause" in ending ? ending.cause : this.#complaint || `code ${ending.code}`;
    return new Error(NOT_RUNNING, { cause });
  }

  /** A process that waits for work is no reason for the gateway's to go on. */
  #keepGatewayAlive(isKept: boolean): void {
    for (const handle of this.#handles) {
      if (isKept) handle.ref();
      else handle.unref();
    }
  }
}

/** How a process ended: it could not be started, or with a code, or by a signal. */
type Ending = { readonly cause: Error } | { readonly code: number | null; readonly signal: NodeJS.Signals | null };
