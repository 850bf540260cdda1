// The certificate library needs it.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 60 * 60 * 1000;

/** A certificate for TLS that nobody else signed. */
export interface OwnCertificate {
  /** The PEM text, which a client must trust. */
  readonly pem: string;
  readonly files: { readonly certificate: string; readonly key: string };
}

/** Makes a certificate of these host names, valid from yesterday to tomorrow, and writes it into a directory. */
export async function makeOwnCertificate(directory: string, hostNames: readonly string[]): Promise<OwnCertificate> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${hostNames[0]}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    keys,
    signingAlgorithm: P256,
    extensions: [new SubjectAlternativeNameExtension(hostNames.map((value) => ({ type: "dns", value })))],
  });
  const pem = certificate.toString("pem");
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const files = { certificate: join(directory, "certificate.pem"), key: join(directory, "key.pem") };
  await writeFile(files.certificate, pem);
  await writeFile(files.key, `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`);
  return { pem, files };
}
