import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { StartError } from "../../errors.ts";
import type { SealedSecret, WebhookEndpoint, Webhooks } from "../../ports/webhooks.ts";

/** The beginning of Standard Webhooks' secrets. */
const PREFIX = "whsec_";
/** The specification asks for 24 to 64 bytes. */
const SECRET_BYTES = 32;
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Separates this key from others that are derived from the same signing secret. */
const PURPOSE = "pictograph webhook secrets 1";
/** How many endpoints are read at a time. */
const BATCH = 200;
/** The most endpoints that an error names. */
const MAX_NAMED = 5;

/**
 * Makes the secrets of endpoints, and encrypts them for the store. The keys are derived from the gateway's signing
 * secrets, so a copy of the database is not enough to sign.
 */
export class WebhookSecrets {
  readonly #keys: readonly Buffer[];

  /** @param signingSecrets the first encrypts; all decrypt, so that it can be replaced */
  constructor(signingSecrets: readonly string[]) {
    this.#keys = signingSecrets.map((secret) => Buffer.from(hkdfSync("sha256", secret, "", PURPOSE, KEY_BYTES)));
  }

  /** Makes a secret, `whsec_…`. */
  create(): string {
    return PREFIX + randomBytes(SECRET_BYTES).toString("base64");
  }

  /** @param endpointId the only endpoint for which it can be decrypted */
  seal(secret: string, endpointId: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keys[0] as Buffer, nonce).setAAD(Buffer.from(endpointId));
    const sealed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return sealed.toString("base64url");
  }

  /**
   * The secrets that sign for an endpoint now, the newest first.
   *
   * @throws Error when one cannot be decrypted with any of the signing secrets
   */
  open({ id, secrets }: WebhookEndpoint, at: Date): readonly string[] {
    return livingAt(secrets, at).map(({ sealed }) => {
      const opened = this.#open(sealed, id);
      if (!opened) throw new Error(`the secret of the webhook endpoint ${id} cannot be decrypted`);
      return opened.secret;
    });
  }

  /**
   * Encrypts everything that was encrypted under an earlier signing secret under the first one.
   *
   * @returns how many endpoints were changed
   * @throws StartError when a secret cannot be decrypted: its receiver would refuse everything
   */
  async resealAll(webhooks: Webhooks): Promise<number> {
    const unreadable: string[] = [];
    let count = 0;
    for (let after = ""; ; ) {
      const endpoints = await webhooks.listAfter(after, BATCH);
      for (const endpoint of endpoints) {
        const keys = endpoint.secrets.map(({ sealed }) => this.#open(sealed, endpoint.id)?.keyIndex);
        if (keys.includes(undefined)) unreadable.push(endpoint.id);
        else if (keys.some((index) => index !== 0)) {
          await webhooks.update(endpoint.id, (now) => ({ secrets: this.#reseal(now) }), undefined);
          count++;
        }
      }
      const last = endpoints.at(-1);
      if (!last || endpoints.length < BATCH) break;
      after = last.id;
    }
    if (unreadable.length > 0) throw unreadableSecrets(unreadable);
    return count;
  }

  /** Another process may have done it in the meantime. */
  #reseal({ id, secrets }: WebhookEndpoint): readonly SealedSecret[] {
    return secrets.map((secret) => {
      const opened = this.#open(secret.sealed, id);
      return opened && opened.keyIndex > 0 ? { ...secret, sealed: this.seal(opened.secret, id) } : secret;
    });
  }

  #open(sealed: string, endpointId: string): { readonly secret: string; readonly keyIndex: number } | undefined {
    const bytes = Buffer.from(sealed, "base64url");
    for (const [keyIndex, key] of this.#keys.entries()) {
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(endpointId))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const secret =
          decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
        return { secret, keyIndex };
      } catch {
        // Encrypted under another key.
      }
    }
    return undefined;
  }
}

/** The secrets that have not ended. */
export function livingAt(secrets: readonly SealedSecret[], at: Date): readonly SealedSecret[] {
  return secrets.filter(({ endsAtMs }) => endsAtMs === undefined || endsAtMs > at.getTime());
}

function unreadableSecrets(ids: readonly string[]): StartError {
  const names = ids.slice(0, MAX_NAMED).join(", ") + (ids.length > MAX_NAMED ? ", …" : "");
  return new StartError([
    `PICTOGRAPH_SIGNING_SECRET cannot decrypt the secrets of ${ids.length} webhook endpoints (${names}): add the signing secret that was used before (if none was set, the file signing-secret of the data directory has it) behind the present one, separated by a comma; or remove the endpoints from the table webhook_endpoints`,
  ]);
}
