import { errors, type JWTPayload, jwtVerify } from "jose";
import { GatewayError } from "../../errors.ts";
import type { Identity, IdentityTokens } from "../../ports/projects/identity-tokens.ts";
import { KeyServerError, SigningKeys } from "./signing-keys.ts";

export interface JwtIdentityTokensOptions {
  /** The value of `iss`, exactly. */
  readonly issuer: string;
  /** A value of `aud`. */
  readonly audience: string;
  /** Where the identity provider publishes its keys, as a JWK set. */
  readonly jwksUrl: string;
  /** The claim that holds the project's id. */
  readonly projectClaim: string;
  readonly now: () => Date;
}

/** How far the clocks of the gateway and the identity provider may differ, in seconds. */
export const CLOCK_SKEW_SECONDS = 60;
/** The longest token that is read, in characters: as much as the head of a request may have. */
const MAX_TOKEN_LENGTH = 16 * 1024;
const MAX_PROJECT_LENGTH = 100;
/** Signatures by public keys only. With `none` or HS256, anybody who knows the public key could sign. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** How soon a caller may try again while the key server fails, in seconds. */
const RETRY_SECONDS = 5;

/** {@link IdentityTokens} for signed JWTs. */
export class JwtIdentityTokens implements IdentityTokens {
  readonly #options: JwtIdentityTokensOptions;
  readonly #keys: SigningKeys;

  constructor(options: JwtIdentityTokensOptions) {
    this.#options = options;
    this.#keys = new SigningKeys(options.jwksUrl);
  }

  async verify(token: string): Promise<Identity> {
    if (token.length > MAX_TOKEN_LENGTH) {
      throw refused(`the JWT is longer than ${MAX_TOKEN_LENGTH} characters`);
    }
    return this.#toIdentity(await this.#readClaims(token));
  }

  async #readClaims(token: string): Promise<JWTPayload> {
    const { issuer, audience, projectClaim, now } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp", projectClaim],
        clockTolerance: CLOCK_SKEW_SECONDS,
        currentDate: now(),
      });
      return payload;
    } catch (error) {
      throw toGatewayError(error);
    }
  }

  #toIdentity({ sub, exp, [this.#options.projectClaim]: projectId }: JWTPayload): Identity {
    if (typeof sub !== "string") throw refused("the claim sub of the JWT must be a text");
    if (typeof projectId !== "string" || projectId.length > MAX_PROJECT_LENGTH) {
      throw refused(`the claim ${this.#options.projectClaim} of the JWT must be the id of a project`);
    }
    return { endUser: sub, projectId, expiresAt: new Date((exp ?? 0) * 1000) };
  }
}

function toGatewayError(error: unknown): GatewayError {
  if (error instanceof KeyServerError) {
    const message = "the identity provider's keys cannot be fetched now, so the JWT was not checked; try again later";
    return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_SECONDS, cause: error });
  }
  if (error instanceof errors.JWTExpired) return refused("the JWT has expired; get a new one");
  if (error instanceof errors.JWTClaimValidationFailed) return refused(toClaimProblem(error));
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused("the signature of the JWT is wrong");
  if (error instanceof errors.JWKSNoMatchingKey) return refused("the JWT is not signed with a key of the issuer");
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return refused("the JWT does not say which of the issuer's keys signed it; its header needs a kid");
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refused(`the JWT must be signed with one of ${ALGORITHMS.join(", ")}`);
  }
  if (error instanceof errors.JOSEError) return refused("the JWT is malformed; was it cut?");
  // For example a key that is too short to be used.
  return new GatewayError("UNAUTHENTICATED", "the JWT cannot be checked with the issuer's key", { cause: error });
}

function toClaimProblem({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === "missing") return `the JWT has no claim ${claim}`;
  switch (claim) {
    case "iss":
      return "the JWT is of another issuer than this gateway trusts";
    case "aud":
      return "the JWT is for another audience than this gateway";
    case "nbf":
      return "the JWT is not valid yet";
    default:
      return `the claim ${claim} of the JWT is wrong`;
  }
}

function refused(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
