import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export const ISSUER = "https://id.example";
export const AUDIENCE = "pictograph";

export interface IdentityProvider {
  /** The values of `PICTOGRAPH_JWT_*`. */
  readonly config: {
    readonly issuer: string;
    readonly audience: string;
    readonly jwksUrl: string;
    readonly projectClaim: string;
  };
  /** How often the keys were requested. */
  readonly requestCount: number;
  /** Signs a token that is good for an hour, unless the claims say otherwise. */
  sign(claims: JWTPayload, header?: { readonly kid?: string }): Promise<string>;
  /** Adds a key, and signs with it from now on. */
  addKey(kid: string): Promise<void>;
  /** Answers with this listener from now on, or with the keys again if it is `undefined`. */
  answerWith(listener: Parameters<typeof createServer>[1] | undefined): void;
  /** Closes the server, so that connections to it are refused. */
  close(): Promise<void>;
}

/** An identity provider that signs tokens, and a key server on loopback. @param now the time of new tokens */
export async function startIdentityProvider(now: () => Date): Promise<IdentityProvider> {
  const keys: object[] = [];
  let current: { readonly kid: string; readonly key: CryptoKey } | undefined;
  let requestCount = 0;
  let listener: Parameters<typeof createServer>[1] | undefined;
  const server = createServer((request, response) => {
    requestCount++;
    if (listener) return listener(request, response as never);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const provider: IdentityProvider = {
    config: {
      issuer: ISSUER,
      audience: AUDIENCE,
      jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
      projectClaim: "pictograph_project",
    },
    get requestCount() {
      return requestCount;
    },
    async sign(claims, header = {}) {
      if (!current) throw new Error("there is no key");
      const seconds = Math.floor(now().getTime() / 1000);
      const payload = { iss: ISSUER, aud: AUDIENCE, iat: seconds, exp: seconds + 3600, ...claims };
      const given = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
      return new SignJWT(given).setProtectedHeader({ alg: "ES256", kid: current.kid, ...header }).sign(current.key);
    },
    async addKey(kid) {
      const { privateKey, publicKey } = await generateKeyPair("ES256");
      keys.push({ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" });
      current = { kid, key: privateKey };
    },
    answerWith(next) {
      listener = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await provider.addKey("first");
  return provider;
}
