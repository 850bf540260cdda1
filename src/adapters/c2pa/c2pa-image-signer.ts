import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { StartError } from "../../errors.ts";
import type { ImageSigner, SignedClaim, SignedImage } from "../../ports/image-signer.ts";
import { type CredentialFiles, readCredentials } from "./credentials.ts";
import type { ClaimGenerator } from "./manifest.ts";
import type { SigningAnswer, SigningIdentity, SigningOrder } from "./signing-program.ts";

export interface C2paImageSignerOptions {
  readonly identity: SigningIdentity;
  readonly expiresAt: Date;
  /** The most time for one image, in milliseconds. @defaultValue 60 s */
  readonly deadlineMs?: number;
  /** How long an idle thread is kept, in milliseconds. @defaultValue 30 s */
  readonly idleMs?: number;
  /** The program of the thread. @defaultValue the one that signs */
  readonly program?: URL;
}

type Signed = Extract<SigningAnswer, SignedImage>;

/** A grey picture of one pixel. */
const TINY_PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);
const PROGRAM = new URL(`./signing-program${extname(import.meta.url)}`, import.meta.url);
const DEADLINE_MS = 60_000;
const IDLE_MS = 30_000;
/** A thread whose library holds more memory than this is ended after its answer, because the memory never shrinks. */
const MAX_REUSABLE_BYTES = 128 * 1024 * 1024;
/** The JavaScript heap of the thread. Images are outside of it. */
const MAX_HEAP_MB = 64;

/**
 * Opens a signer with the operator's files, and tries it out.
 *
 * @param now the current time
 * @throws StartError naming every problem
 */
export async function openC2paImageSigner(
  files: CredentialFiles,
  generator: ClaimGenerator,
  now: Date,
): Promise<C2paImageSigner> {
  const { expiresAt, ...credentials } = await readCredentials(files, now);
  const signer = new C2paImageSigner({ identity: { ...credentials, generator }, expiresAt });
  const failures = await signer.tryOut().catch((error: Error) => [error.message]);
  if (failures.length === 0) return signer;
  await signer.close();
  throw new StartError([
    `PICTOGRAPH_C2PA_CERTIFICATE cannot sign images (${failures.join(", ")}); docs/provenance.md in the source repository says what C2PA asks of a certificate`,
  ]);
}

/** Signs images in a thread of its own, which starts at the first image and ends when there is nothing to do. */
export class C2paImageSigner implements ImageSigner {
  readonly #options: C2paImageSignerOptions;
  #worker: Worker | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: C2paImageSignerOptions) {
    this.#options = options;
  }

  get expiresAt(): Date {
    return this.#options.expiresAt;
  }

  async sign(bytes: Uint8Array, claim: SignedClaim): Promise<SignedImage> {
    const answer = await this.#inTurn({ bytes: new Uint8Array(bytes), claim, isTrial: false });
    return { bytes: answer.bytes, leftOutCount: answer.leftOutCount };
  }

  /**
   * Signs a tiny picture and verifies it. The authority counts as unknown here, so that is not an objection.
   *
   * @returns the objections of the verifier, as codes of C2PA
   */
  async tryOut(): Promise<readonly string[]> {
    const claim = { format: "PNG", digitalSourceType: "algorithmicMedia", action: "edited", ingredients: [] } as const;
    const { failures } = await this.#inTurn({ bytes: new Uint8Array(TINY_PNG), claim, isTrial: true });
    return failures.filter((code) => code !== "signingCredential.untrusted");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
    await this.#last;
  }

  #inTurn(order: SigningOrder): Promise<Signed> {
    const signed = this.#last.then(() => this.#signNow(order));
    this.#last = signed.catch(() => {});
    return signed;
  }

  async #signNow(order: SigningOrder): Promise<Signed> {
    if (this.#isClosed) throw new Error("the image signer is closed");
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    worker.ref();
    const answer = await this.#ask(worker, order).catch(async (error: unknown) => {
      await this.#end();
      throw error;
    });
    worker.unref();
    if (answer.heldBytes > MAX_REUSABLE_BYTES) await this.#end();
    else this.#idleTimer = setTimeout(() => this.#end(), this.#options.idleMs ?? IDLE_MS).unref();
    if ("problem" in answer) throw new Error(`the image could not be signed: ${answer.problem}`);
    return answer;
  }

  #start(): Worker {
    const { identity, program = PROGRAM } = this.#options;
    const worker = new Worker(program, {
      workerData: identity,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: 8 },
    });
    // A caller that waits for an answer gets the error too.
    worker.on("error", () => {});
    worker.once("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  async #ask(worker: Worker, order: SigningOrder): Promise<SigningAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<SigningAnswer>();
    const { deadlineMs = DEADLINE_MS } = this.#options;
    const onExit = (code: number) => reject(new Error(`the thread that signs images ended with code ${code}`));
    const timer = setTimeout(() => reject(new Error(`an image was not signed within ${deadlineMs} ms`)), deadlineMs);
    worker.once("message", resolve).once("error", reject).once("exit", onExit);
    try {
      worker.postMessage(order, [order.bytes.buffer]);
      return await promise;
    } finally {
      clearTimeout(timer);
      worker.off("message", resolve).off("error", reject).off("exit", onExit);
    }
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
