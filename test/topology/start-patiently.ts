import type { Program } from "../processes/program.ts";

/** Each wait is as long as a program's start may take elsewhere; here a dozen start at once. */
const waitsMax = 4;
/** As the restart policy of a deployment: a service whose database is lost while it starts ends with 1. */
const restartsMax = 2;

/** Starts a program, and waits until it serves for as long as a very busy machine needs. One that ends is started again, and that is printed. */
export async function startPatiently(program: Program): Promise<void> {
  program.launch();
  for (let [waits, restarts] = [1, 0]; ; waits++) {
    try {
      return await program.serves();
    } catch (error) {
      if (!program.isRunning() && restarts < restartsMax) {
        restarts++;
        console.log(`${program.name} ended with ${await program.ended()} while it started, and is started again.`);
        program.launch();
      } else if (waits >= waitsMax || !program.isRunning()) {
        throw error;
      }
    }
  }
}
