/**
 * Called before and after each durable write and each call to another service, with its name, for example `before CONFIRMED`
 * or `after ReserveStock`. For tests that end the process at one of these points; none in production.
 */
export type Checkpoint = (name: string) => void | Promise<void>;

/** Does `work` between its two checkpoints. */
export async function between<T>(checkpoint: Checkpoint, name: string, work: () => Promise<T>): Promise<T> {
  await checkpoint(`before ${name}`);
  const answer = await work();
  await checkpoint(`after ${name}`);
  return answer;
}
