/** An invalid token, with a reason that may be sent to its sender. */
export class TokenRefusedError extends Error {
  override readonly name = "TokenRefusedError";
  /** Why, for a program: one that ended can be replaced, the others cannot be helped. */
  readonly reason: "TOKEN_ENDED" | "TOKEN_REFUSED";

  constructor(message: string, options: ErrorOptions & { readonly reason?: "TOKEN_ENDED" } = {}) {
    super(message, options);
    this.reason = options.reason ?? "TOKEN_REFUSED";
  }
}

/** The keys that would check a token cannot be had now, so that nothing can be said of it. */
export class KeysUnavailableError extends Error {
  override readonly name = "KeysUnavailableError";
}
