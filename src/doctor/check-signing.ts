import { openC2paImageSigner } from "../adapters/c2pa/c2pa-image-signer.ts";
import { CERTIFICATE_WARNING_MS } from "../bounds.ts";
import type { Config } from "../config.ts";
import { StartError } from "../errors.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

const NAME = "signing";
const DAY_MS = 24 * 60 * 60 * 1000;

/** Signs a tiny picture with the operator's certificate. `undefined` if no certificate is configured. */
export async function checkSigning({ c2pa }: Config): Promise<Finding | undefined> {
  if (!c2pa) return undefined;
  const now = new Date();
  try {
    const signer = await openC2paImageSigner(c2pa, { name: "pictograph doctor", version: "1" }, now);
    await signer.close();
    const daysLeft = Math.floor((signer.expiresAt.getTime() - now.getTime()) / DAY_MS);
    const text = `the certificate signs images and expires on ${signer.expiresAt.toISOString()}, in ${daysLeft} days`;
    const expiresSoon = daysLeft * DAY_MS < CERTIFICATE_WARNING_MS;
    return expiresSoon ? warning(NAME, text, "renew PICTOGRAPH_C2PA_CERTIFICATE") : ok(NAME, text);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return problem(
      NAME,
      error.message.replaceAll("\n", "; "),
      "docs/provenance.md in the source repository says how to get a certificate",
    );
  }
}
