/** An invalid token, with a reason that may be sent to its sender. */
export class TokenRefusedError extends Error {
  override readonly name = "TokenRefusedError";
  /** The reason for programs: an expired token can be replaced, the others cannot. */
  readonly reason: "TOKEN_ENDED" | "TOKEN_REFUSED";

  constructor(message: string, options: ErrorOptions & { readonly reason?: "TOKEN_ENDED" } = {}) {
    super(message, options);
    this.reason = options.reason ?? "TOKEN_REFUSED";
  }
}

/** The keys to verify the token cannot be fetched now, so its validity is unknown. */
export class KeysUnavailableError extends Error {
  override readonly name = "KeysUnavailableError";
}
