import { select } from "@inquirer/prompts";

export interface Choice<T> {
  readonly name: string;
  readonly value: T;
}

/** Rows of choices that are shown at once; the others come when the arrows reach them. */
const pageRows = 12;

/** Lets the arrow keys choose. Rejects with an `ExitPromptError` on Ctrl-C. */
export function pick<T>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  return select<T>({ message, choices: [...choices], pageSize: pageRows, loop: false });
}

/** Whether a prompt was left with Ctrl-C. */
export function isLeft(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}
