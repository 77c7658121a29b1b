/** Something in the source that the architecture does not allow. */
export interface Violation {
  /** The file, from the repository's top. */
  readonly file: string;
  readonly problem: string;
}
