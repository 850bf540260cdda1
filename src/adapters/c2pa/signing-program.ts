import { createPrivateKey } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import type { SignedClaim, SignedImage } from "../../ports/image-signer.ts";
import { CoseSigner, type SignatureAlgorithm } from "./cose.ts";
import { BytesBlob, loadLibrary } from "./library.ts";
import { type ClaimGenerator, LIBRARY_SETTINGS, toLabel, toManifest, toMediaType } from "./manifest.ts";

/** What the thread gets when it starts. */
export interface SigningIdentity {
  /** The private key, PEM. */
  readonly key: string;
  /** The certificates in DER, the signer's first. */
  readonly chain: readonly Uint8Array[];
  readonly algorithm: SignatureAlgorithm;
  readonly generator: ClaimGenerator;
}

export interface SigningOrder {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly claim: SignedClaim;
  /** Whether to read the signed image again, as a verifier would. */
  readonly isTrial: boolean;
}

/** The thread's answer: the signed image, or what went wrong. */
export type SigningAnswer = (SignedImage | { readonly problem: string }) & {
  /** What a verifier has against the signed image, as codes of C2PA. Empty unless it was a trial. */
  readonly failures: readonly string[];
  /** The memory of the library, in bytes. It never shrinks. */
  readonly heldBytes: number;
};

/** The most characters of an error's message that are logged. */
const MAX_PROBLEM_LENGTH = 300;

/** Runs in a thread of its own and signs one image at a time. */
async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const { key, chain, algorithm, generator }: SigningIdentity = workerData;
  const signature = new CoseSigner(createPrivateKey(key), algorithm, chain);
  const { WasmBuilder, WasmReader, memory } = await loadLibrary();
  const definition = {
    alg: algorithm.c2paName,
    reserveSize: signature.byteSize,
    sign: async (claim: Uint8Array) => signature.sign(claim),
  };

  const open = async ({ claim }: SigningOrder, ingredients: SignedClaim["ingredients"]) => {
    const builder = WasmBuilder.fromJson(toManifest({ ...claim, ingredients }, generator), LIBRARY_SETTINGS);
    for (const [index, { format, bytes, relationship }] of ingredients.entries()) {
      const described = JSON.stringify({ relationship, label: toLabel(index) });
      await builder.addIngredientFromBlob(described, toMediaType(format), new BytesBlob(new Uint8Array(bytes)));
    }
    return builder;
  };

  const signOnce = async (order: SigningOrder, ingredients: SignedClaim["ingredients"]): Promise<Uint8Array> => {
    const builder = await open(order, ingredients);
    try {
      return await builder.sign(definition, [], toMediaType(order.claim.format), new BytesBlob(order.bytes));
    } finally {
      builder.free();
    }
  };

  const carryOut = async (order: SigningOrder): Promise<SignedImage> => {
    const { ingredients } = order.claim;
    try {
      return { bytes: await signOnce(order, ingredients), leftOutCount: 0 };
    } catch (error) {
      // Ingredients may come from anyone. A broken one must not cost the image its signature.
      if (ingredients.length === 0) throw error;
      return { bytes: await signOnce(order, []), leftOutCount: ingredients.length };
    }
  };

  const verify = async ({ format }: SignedClaim, bytes: Uint8Array): Promise<string[]> => {
    const reader = await WasmReader.fromBytes(toMediaType(format), bytes, LIBRARY_SETTINGS);
    const { validation_status: found = [] } = JSON.parse(reader.json());
    reader.free();
    return found.map(({ code }: { readonly code: string }) => code);
  };

  port.on("message", async (order: SigningOrder) => {
    const result = await carryOut(order).catch((error: unknown) => ({
      problem: String((error as Error)?.message ?? error).slice(0, MAX_PROBLEM_LENGTH),
    }));
    const failures = order.isTrial && "bytes" in result ? await verify(order.claim, result.bytes) : [];
    const answer: SigningAnswer = { ...result, failures, heldBytes: memory.buffer.byteLength };
    port.postMessage(answer, "bytes" in answer ? [answer.bytes.buffer as ArrayBuffer] : []);
  });
}

if (parentPort) await main(parentPort);
