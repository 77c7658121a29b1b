/** What one look at the set-up found. */
export interface Finding {
  /** `note`: nothing is wrong, and it is worth knowing. */
  readonly kind: "good" | "note" | "bad";
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** False where services can start all the same. Default: true for what is bad. */
  readonly hinders?: false;
}

/** Nothing is wrong. */
export function good(text: string): Finding {
  return { kind: "good", text };
}

/** Nothing is wrong, and it is worth knowing. */
export function note(text: string, remedy?: string): Finding {
  return { kind: "note", text, ...(remedy === undefined ? {} : { remedy }) };
}

/** Something is wrong. */
export function bad(text: string, remedy?: string): Finding {
  return { kind: "bad", text, ...(remedy === undefined ? {} : { remedy }) };
}

/** Whether something is wrong. */
export function isBad({ kind }: Finding): boolean {
  return kind === "bad";
}
