import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StartError } from "../../errors.ts";
import type { SignatureAlgorithm } from "./cose.ts";

/** The paths of the operator's PEM files. */
export interface CredentialFiles {
  /** The certificate, followed by those of its issuers. */
  readonly certificate: string;
  readonly key: string;
}

/** The operator's certificates and key, checked. */
export interface Credentials {
  /** PEM. */
  readonly key: string;
  /** The certificates in DER, the signer's first, without the root. */
  readonly chain: readonly Uint8Array[];
  readonly algorithm: SignatureAlgorithm;
  readonly expiresAt: Date;
}

const CERTIFICATE = "PICTOGRAPH_C2PA_CERTIFICATE";
const KEY = "PICTOGRAPH_C2PA_KEY";
const CERTIFICATE_PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
/** The most certificates of a file. Real chains have two to four. */
const MAX_CERTIFICATES = 10;
/** The largest PEM file, in bytes. A larger one is another file, named by mistake. */
const MAX_PEM_LENGTH = 64 * 1024;
const MIN_RSA_BITS = 2048;

const ES256 = { c2paName: "es256", coseId: -7, hash: "sha256" } as const;
const ES384 = { c2paName: "es384", coseId: -35, hash: "sha384" } as const;
const ED25519 = { c2paName: "ed25519", coseId: -8, hash: undefined } as const;
const PS256 = { c2paName: "ps256", coseId: -37, hash: "sha256" } as const;

/**
 * Reads the certificates and the key, and checks that they fit each other, are complete and are valid now.
 *
 * @throws StartError naming every problem. It never has the content of a file
 */
export async function readCredentials(files: CredentialFiles, now: Date): Promise<Credentials> {
  const problems: string[] = [];
  const read = async <Value>(setting: string, path: string, parse: (pem: string) => Value) => {
    try {
      return parse(await readPem(path));
    } catch (error) {
      problems.push(`${setting} ${(error as Error).message}`);
      return undefined;
    }
  };
  const certificates = await read(CERTIFICATE, files.certificate, parseCertificates);
  const key = await read(KEY, files.key, (pem) => ({ pem, ...parseKey(pem) }));
  if (certificates) problems.push(...problemsOf(certificates, now).map((problem) => `${CERTIFICATE} ${problem}`));
  if (certificates?.[0] && key && !certificates[0].checkPrivateKey(key.object)) {
    problems.push(`${KEY} is not the key of the first certificate in ${CERTIFICATE}; name the files of one pair`);
  }
  if (problems.length > 0 || !certificates || !key) throw new StartError(problems);
  return {
    key: key.pem,
    chain: certificates.filter((certificate) => !isSelfIssued(certificate)).map(({ raw }) => new Uint8Array(raw)),
    algorithm: key.algorithm,
    expiresAt: new Date(Math.min(...certificates.map(({ validTo }) => Date.parse(validTo)))),
  };
}

async function readPem(path: string): Promise<string> {
  const pem = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`must be the path of a PEM file; this file cannot be read (${error.code})`);
  });
  if (pem.length > MAX_PEM_LENGTH)
    throw new Error(`must be a PEM file; this file is larger than ${MAX_PEM_LENGTH} bytes`);
  return pem;
}

function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE_PEM) ?? [];
  if (blocks.length === 0) throw new Error("holds no certificate; it must be a PEM file that begins with the signer's");
  if (blocks.length > MAX_CERTIFICATES) {
    throw new Error(`holds ${blocks.length} certificates; at most ${MAX_CERTIFICATES} are allowed`);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Error(`holds something else than a certificate at place ${index + 1}`);
    }
  });
}

function parseKey(pem: string): { readonly object: KeyObject; readonly algorithm: SignatureAlgorithm } {
  let object: KeyObject;
  try {
    object = createPrivateKey(pem);
  } catch {
    throw new Error("holds no private key that can be read; it must be a PEM file without a passphrase");
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = object;
  const isRsa = type === "rsa" || type === "rsa-pss";
  if (type === "ed25519") return { object, algorithm: ED25519 };
  if (type === "ec" && details?.namedCurve === "prime256v1") return { object, algorithm: ES256 };
  if (type === "ec" && details?.namedCurve === "secp384r1") return { object, algorithm: ES384 };
  if (isRsa && (details?.modulusLength ?? 0) >= MIN_RSA_BITS) return { object, algorithm: PS256 };
  throw new Error(
    `holds a key of a kind that C2PA does not allow here; use P-256, P-384, Ed25519, or RSA of at least ${MIN_RSA_BITS} bits`,
  );
}

function problemsOf(certificates: readonly X509Certificate[], now: Date): string[] {
  return certificates.flatMap((certificate, index) => {
    const name = `holds a certificate (number ${index + 1}) that`;
    const issuer = certificates[index + 1];
    const problems: string[] = [];
    if (Date.parse(certificate.validFrom) > now.getTime())
      problems.push(`${name} is valid only from ${certificate.validFrom}`);
    if (Date.parse(certificate.validTo) <= now.getTime()) problems.push(`${name} expired on ${certificate.validTo}`);
    if (index === 0 && certificate.ca) problems.push(`${name} belongs to an authority; the signer's must come first`);
    if (issuer && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) {
      problems.push(`${name} was not issued by the next one; put each issuer behind the certificate that it issued`);
    }
    if (!issuer && !certificate.ca) {
      problems.push(`${name} comes without its issuer; add the certificates of the issuers, up to the root`);
    }
    return problems;
  });
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}
