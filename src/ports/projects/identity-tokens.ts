/** What a token of an identity provider says about a request. */
export interface Identity {
  /** The end user: the token's subject. */
  readonly endUser: string;
  /** `proj_…`. Whether this project exists has not been checked. */
  readonly projectId: string;
  readonly expiresAt: Date;
}

/** Verifies the tokens of the operator's identity provider. */
export interface IdentityTokens {
  /**
   * Verifies the signature and the claims of a token.
   * @throws UNAUTHENTICATED with the token's problem; OVERLOADED if the keys to verify it are not available now
   */
  verify(token: string): Promise<Identity>;
}
