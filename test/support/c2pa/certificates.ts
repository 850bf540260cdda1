// The certificate library needs it.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
/** The kinds of keys that C2PA allows, as options of WebCrypto. */
export const KEY_KINDS = {
  es256: P256,
  es384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  ed25519: { name: "Ed25519" },
  ps256: { name: "RSA-PSS", ...RSA },
} as const;

const DAY_MS = 24 * 60 * 60 * 1000;

export interface CertificateOptions {
  /** @defaultValue es256 */
  readonly kind?: keyof typeof KEY_KINDS;
  /** @defaultValue yesterday */
  readonly notBefore?: Date;
  /** @defaultValue in a year */
  readonly notAfter?: Date;
  /** @defaultValue e-mail protection */
  readonly usages?: readonly ExtendedKeyUsage[];
}

/** A certificate, its issuers and its key, as text and as files. */
export interface TestCertificate {
  /** The paths of the files, in the form of a gateway's settings. */
  readonly files: { readonly certificate: string; readonly key: string };
  /** The certificate alone, as PEM. */
  readonly own: string;
  /** The authority that a verifier may trust, as PEM. */
  readonly root: string;
}

let serial = 1;

/** Makes an authority and a certificate signed by it, and writes them into a directory. */
export async function makeCertificate(directory: string, options: CertificateOptions = {}): Promise<TestCertificate> {
  const now = Date.now();
  const { kind = "es256", notBefore = new Date(now - DAY_MS), notAfter = new Date(now + 365 * DAY_MS) } = options;
  const { usages = [ExtendedKeyUsage.emailProtection] } = options;
  const authority = await makeKeys(P256);
  const validity = { notBefore: new Date(now - 3650 * DAY_MS), notAfter: new Date(now + 3650 * DAY_MS) };
  const root = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: String(serial++).padStart(2, "0"),
    name: "CN=Test Root, O=Example",
    keys: authority,
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const keys = await makeKeys(KEY_KINDS[kind]);
  const own = await X509CertificateGenerator.create({
    notBefore,
    notAfter,
    serialNumber: String(serial++).padStart(2, "0"),
    subject: "CN=Test Signer, O=Example",
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([...usages]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const files = { certificate: join(directory, `${serial}.pem`), key: join(directory, `${serial}.key`) };
  await writeFile(files.certificate, [own, root].map(toPem).join("\n"));
  await writeFile(files.key, await exportKey(keys.privateKey));
  return { files, own: toPem(own), root: toPem(root) };
}

function makeKeys(algorithm: (typeof KEY_KINDS)[keyof typeof KEY_KINDS]): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return `-----BEGIN PRIVATE KEY-----\n${bytes.toString("base64")}\n-----END PRIVATE KEY-----\n`;
}

function toPem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
