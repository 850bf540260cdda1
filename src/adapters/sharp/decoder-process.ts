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
  /** The most memory of the decoder process, in bytes. An idle process already takes about 70 MB. */
  readonly maxBytes: number;
  /** The time from the first byte sent to the last byte received, in milliseconds. */
  readonly deadlineMs: number;
}

const PROGRAM = fileURLToPath(new URL(`./decoder-program${extname(import.meta.url)}`, import.meta.url));
/** A decoder process needs a small heap: it has few JavaScript objects, and images are stored outside of V8's heap. */
const V8_OPTIONS = ["--max-old-space-size=64", "--max-semi-space-size=1"];
/** glibc keeps freed memory in arenas. Fewer arenas keep less memory. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: "2" };
const NOT_RUNNING = "the image decoder process could not be started or has crashed";
/** The most characters of the process's error output that are kept. */
const MAX_ERROR_OUTPUT_LENGTH = 4096;

/** A process that decodes one image at a time. It has none of the gateway's secrets, and ends when the gateway ends. */
export class DecoderProcess {
  readonly #deadlineMs: number;
  readonly #process: ChildProcess;
  readonly #pipe: MessagePipe;
  readonly #handles: readonly (ChildProcess | Socket)[];
  readonly #ending = Promise.withResolvers<Ending>();
  #errorOutput = "";
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
    const [errors, pipe] = [stderr as Socket | undefined, stdio?.[PIPE] as Socket | undefined];
    // If no more files can be opened, there is no pipe. The error event comes later.
    if (!errors || !pipe) throw new Error(NOT_RUNNING);
    this.#pipe = new MessagePipe(pipe);
    this.#handles = [this.#process, errors, pipe];
    errors.on("error", () => {});
    errors.setEncoding("utf8").on("data", (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(0, MAX_ERROR_OUTPUT_LENGTH);
    });
    this.#keepGatewayAlive(false);
  }

  /** Resolves when the process has ended, for any reason. */
  get ended(): Promise<unknown> {
    return this.#ending.promise;
  }

  /** Ends the process, whatever it is doing. */
  end(): void {
    // Code that awaits `ended` must keep the gateway running until then.
    this.#process.ref();
    this.#process.kill("SIGKILL");
  }

  /** Whether the process can decode another image: it has answered the last one and does not hold much memory. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /**
   * Yields the bytes of an operation's result, and returns its facts. If the process is not reusable afterwards, it is
   * ended.
   *
   * @throws UndecodableImageError, and every error from reading the image
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
    if (left !== 0) throw new Error("an image does not have the size that its store reported");
  }

  #toError(ending: Ending): Error {
    if ("signal" in ending && ending.signal) {
      return new UndecodableImageError(
        "exhausting",
        "this image needs more memory or time to decode than the gateway allows",
      );
    }
    const cause = "cause" in ending ? ending.cause : this.#errorOutput || `code ${ending.code}`;
    return new Error(NOT_RUNNING, { cause });
  }

  /** An idle decoder process must not keep the gateway's process running. */
  #keepGatewayAlive(isKept: boolean): void {
    for (const handle of this.#handles) {
      if (isKept) handle.ref();
      else handle.unref();
    }
  }
}

/** How a process ended: it could not be started, it exited with a code, or a signal killed it. */
type Ending = { readonly cause: Error } | { readonly code: number | null; readonly signal: NodeJS.Signals | null };
