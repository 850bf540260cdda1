import { constants, type KeyObject, sign } from "node:crypto";

/** A signature algorithm: its names in C2PA and in COSE, and its hash. */
export interface SignatureAlgorithm {
  readonly c2paName: "es256" | "es384" | "ed25519" | "ps256";
  /** @see https://www.iana.org/assignments/cose/cose.xhtml#algorithms */
  readonly coseId: -7 | -35 | -8 | -37;
  /** `undefined` for Ed25519, which hashes by itself. */
  readonly hash: "sha256" | "sha384" | undefined;
}

/** The label of the header that holds the certificates (RFC 9360). */
const X5CHAIN = 33;

/** A map, built from encoded keys and values. */
const map = (...items: readonly Buffer[]) => Buffer.concat([head(5, items.length / 2), ...items]);
const array = (...items: readonly Buffer[]) => Buffer.concat([head(4, items.length), ...items]);
const bytes = (value: Uint8Array) => Buffer.concat([head(2, value.byteLength), value]);
const text = (value: string) => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
const integer = (value: number) => (value < 0 ? head(1, -1 - value) : head(0, value));
/** The tag of a COSE_Sign1 structure. */
const SIGN1_TAG = head(6, 18);
const NULL = Buffer.from([0xf6]);
/**
 * Signs C2PA claims in the form of COSE_Sign1 with a detached payload. Every signature has the same size.
 *
 * @see https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_digital_signatures
 */
export class CoseSigner {
  readonly #key: KeyObject;
  readonly #algorithm: SignatureAlgorithm;
  readonly #protected: Buffer;
  /** The size of every signature, in bytes. */
  readonly byteSize: number;

  /** @param chain the certificates in DER, the signer's first */
  constructor(key: KeyObject, algorithm: SignatureAlgorithm, chain: readonly Uint8Array[]) {
    this.#key = key;
    this.#algorithm = algorithm;
    const [only, ...issuers] = chain.map(bytes);
    const certificates = issuers.length === 0 && only ? only : array(...chain.map(bytes));
    this.#protected = map(integer(1), integer(algorithm.coseId), integer(X5CHAIN), certificates);
    this.byteSize = this.sign(Buffer.alloc(0)).byteLength;
  }

  /** @returns a COSE_Sign1 of exactly {@link byteSize} bytes */
  sign(claim: Uint8Array): Uint8Array<ArrayBuffer> {
    const envelope = array(bytes(this.#protected), map(), NULL, bytes(this.#signatureOf(claim)));
    return new Uint8Array(Buffer.concat([SIGN1_TAG, envelope]));
  }

  #signatureOf(claim: Uint8Array): Buffer {
    const message = array(text("Signature1"), bytes(this.#protected), bytes(Buffer.alloc(0)), bytes(claim));
    return sign(this.#algorithm.hash, message, {
      key: this.#key,
      dsaEncoding: "ieee-p1363",
      ...(this.#algorithm.c2paName === "ps256" && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    });
  }
}

/** The first bytes of a CBOR value: its type, and its number or length. */
function head(type: number, value: number): Buffer {
  const major = type << 5;
  if (value < 24) return Buffer.from([major | value]);
  if (value < 0x100) return Buffer.from([major | 24, value]);
  if (value < 0x10000) return Buffer.from([major | 25, value >> 8, value & 0xff]);
  return Buffer.from([major | 26, value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]);
}
