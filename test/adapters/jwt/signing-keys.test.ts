import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { errors, jwtVerify } from "jose";
import { KeyServerError, SigningKeys } from "../../../src/adapters/jwt/signing-keys.ts";
import { type IdentityProvider, startIdentityProvider } from "../../support/network/identity-provider.ts";

const MINUTE_MS = 60_000;

let provider: IdentityProvider;
let nowMs: number;
let keys: SigningKeys;

beforeEach(async () => {
  nowMs = 0;
  provider = await startIdentityProvider(() => new Date());
  keys = new SigningKeys(provider.config.jwksUrl, () => nowMs);
});

afterEach(() => provider.close().catch(() => {}));

const verify = async () => jwtVerify(await provider.sign({ sub: "ann" }), keys.find);

test("keys are fetched once for many tokens, and again after ten minutes", async () => {
  await Promise.all(Array.from({ length: 20 }, verify));
  expect(provider.requestCount).toBe(1);
  nowMs += 9 * MINUTE_MS;
  await verify();
  expect(provider.requestCount).toBe(1);
  nowMs += 2 * MINUTE_MS;
  await verify();
  expect(provider.requestCount).toBe(2);
});

test("a new key is found at the earliest half a minute after the last fetch", async () => {
  await verify();
  await provider.addKey("second");
  await expect(verify()).rejects.toBeInstanceOf(errors.JWKSNoMatchingKey);
  expect(provider.requestCount).toBe(1);
  nowMs += MINUTE_MS / 2;
  await verify();
  expect(provider.requestCount).toBe(2);
});

test("while the key server fails, known keys are used for an hour, and tokens of unknown keys cannot be checked", async () => {
  await verify();
  provider.answerWith((_request, response) => response.writeHead(503).end());
  nowMs += 59 * MINUTE_MS;
  await verify();
  await provider.addKey("second");
  await expect(verify()).rejects.toBeInstanceOf(KeyServerError);
  nowMs += 2 * MINUTE_MS;
  await expect(verify()).rejects.toBeInstanceOf(KeyServerError);
  provider.answerWith(undefined);
  nowMs += MINUTE_MS;
  await verify();
});

test("a failure is remembered for five seconds, so that requests do not each wait for it", async () => {
  provider.answerWith((_request, response) => response.writeHead(503).end());
  for (let i = 0; i < 5; i++) await expect(verify()).rejects.toBeInstanceOf(KeyServerError);
  expect(provider.requestCount).toBe(1);
  nowMs += 5_000;
  await expect(verify()).rejects.toBeInstanceOf(KeyServerError);
  expect(provider.requestCount).toBe(2);
});
