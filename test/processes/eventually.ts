/** Polls until the result is accepted. Returns the last result, accepted or not, once `limitMs` have passed. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  let answer = await ask();
  while (!right(answer) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await ask();
  }
  return answer;
}
