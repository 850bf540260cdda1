import { writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { MessagePipe, PIPE } from "./messages.ts";
import { carryOut, type Operation, type OperationResult } from "./operations.ts";

/** How often the process checks its memory. A decoder allocates at most about 1 GB a second. */
const WATCH_EVERY_MS = 10;

/** The most characters of a decoder's error message that are logged. */
const MAX_PROBLEM_LENGTH = 300;
/** A process that holds more memory than this is not reused: large images leave fragmented memory behind. */
const MAX_REUSABLE_BYTES = 200_000_000;

/** The gateway's message: the operation. The image's bytes follow. */
export type Question = Operation;
/** The process's answer: the result, whose bytes follow, or what is wrong with the image. */
export type Answer = (Pick<OperationResult, "facts"> | { readonly problem: string }) & {
  /** Whether the process holds so much memory that it should not decode another image. */
  readonly isSpent: boolean;
};

/**
 * Runs in a process of its own and decodes images, which may come from anyone. The process kills itself when it exceeds
 * `maxBytes` of memory, even in the middle of decoding, and when the gateway has gone.
 */
async function main(maxBytes: number): Promise<void> {
  // Ctrl-C and service managers signal every process of the gateway. The gateway may still need this one for a while.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
  // On Linux, when memory runs out, the kernel kills this process before all others.
  await writeFile("/proc/self/oom_score_adj", "1000").catch(() => {});
  const socket = new Socket({ fd: PIPE, readable: true, writable: true });
  socket.once("close", endAtOnce);
  const pipe = new MessagePipe(socket);
  for (;;) {
    const question = await pipe.next<Question>();
    if (!question) return endAtOnce();
    const image = Buffer.allocUnsafeSlow(question.byteSize);
    let filled = 0;
    for await (const piece of question.bytes) filled += piece.copy(image, filled);
    const watch = setInterval(() => process.memoryUsage.rss() > maxBytes && endAtOnce(), WATCH_EVERY_MS);
    const { bytes, ...result } = await resultOf(question.header, image);
    clearInterval(watch);
    const isSpent = process.memoryUsage.rss() > MAX_REUSABLE_BYTES;
    await pipe.writeHeader({ ...result, isSpent }, bytes?.byteLength ?? 0);
    if (bytes) await pipe.write(bytes);
  }
}

async function resultOf(
  question: Question,
  image: Uint8Array,
): Promise<OperationResult | { problem: string; bytes?: never }> {
  try {
    return await carryOut(question, image);
  } catch (error) {
    return { problem: (error as Error).message.slice(0, MAX_PROBLEM_LENGTH) };
  }
}

/** Ends the process without `exit`, which would wait for the decoding threads. */
function endAtOnce(): void {
  process.kill(process.pid, "SIGKILL");
}

await main(Number(process.argv[2])).catch(endAtOnce);
