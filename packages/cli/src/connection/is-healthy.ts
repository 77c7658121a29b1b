/** The time limit of a health check, in milliseconds. */
const answerMaxMs = 1_000;

/** Whether `GET /health` at an address is answered with 200. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(answerMaxMs) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // No server responded in time.
    return false;
  }
}
