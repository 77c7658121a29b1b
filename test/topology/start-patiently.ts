import type { Program } from "../processes/program.ts";

/** Each wait is as long as a program's start may take elsewhere; here a dozen start at once. */
const waitsMax = 4;

/** Starts a program, and waits until it serves for as long as it runs and a very busy machine needs. */
export async function startPatiently(program: Program): Promise<void> {
  program.launch();
  for (let waits = 1; ; waits++) {
    try {
      return await program.serves();
    } catch (error) {
      if (waits === waitsMax || !program.isRunning()) throw error;
    }
  }
}
