import { select } from "@inquirer/prompts";

export interface Choice<T> {
  readonly name: string;
  readonly value: T;
}

/** Rows of choices on the screen; the others appear when the arrows reach them. */
const pageRows = 12;

/** Selects by arrow keys. Rejects with an `ExitPromptError` on Ctrl-C. */
export function pick<T>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  return select<T>({ message, choices: [...choices], pageSize: pageRows, loop: false });
}

/** Whether a prompt was cancelled with Ctrl-C. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}
