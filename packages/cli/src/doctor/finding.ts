/** The result of one check. */
export interface Finding {
  /** `note`: no problem, but worth knowing. */
  readonly kind: "good" | "note" | "bad";
  readonly text: string;
  /** How to repair it. */
  readonly remedy?: string;
  /** False if services can start despite the problem. Default: true for problems. */
  readonly preventsStart?: false;
}

/** No problem. */
export function good(text: string): Finding {
  return { kind: "good", text };
}

/** No problem, but worth knowing. */
export function note(text: string, remedy?: string): Finding {
  return { kind: "note", text, ...(remedy === undefined ? {} : { remedy }) };
}

/** A problem. */
export function bad(text: string, remedy?: string): Finding {
  return { kind: "bad", text, ...(remedy === undefined ? {} : { remedy }) };
}

/** Whether there is a problem. */
export function isBad({ kind }: Finding): boolean {
  return kind === "bad";
}
