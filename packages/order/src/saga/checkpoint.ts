/**
 * Called before and after each durable write and each call to another service, with its name, for example `before CONFIRMED`
 * or `after ReserveStock`. For tests that crash the process at these points; none in production.
 */
export type Checkpoint = (name: string) => void | Promise<void>;

/** Runs `work` between its two checkpoints. */
export async function between<T>(checkpoint: Checkpoint, name: string, work: () => Promise<T>): Promise<T> {
  await checkpoint(`before ${name}`);
  const answer = await work();
  await checkpoint(`after ${name}`);
  return answer;
}
