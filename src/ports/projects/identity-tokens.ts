/** What a token of an identity provider says about a request. */
export interface Identity {
  /** The end user: the token's subject. */
  readonly endUser: string;
  /** `proj_…`. Nobody has checked yet that this project exists. */
  readonly projectId: string;
  readonly expiresAt: Date;
}

/** Verifies the tokens of the operator's identity provider. */
export interface IdentityTokens {
  /**
   * Verifies the signature and the claims of a token.
   *
   * @throws UNAUTHENTICATED saying what is wrong with the token; OVERLOADED when the keys to verify it cannot be had now
   */
  verify(token: string): Promise<Identity>;
}
