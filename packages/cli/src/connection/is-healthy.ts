/** How long an answer about health may take, in milliseconds. */
const answerMaxMs = 1_000;

/** Whether what is at an address answers `GET /health` with 200. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(answerMaxMs) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Nobody answers there, or not in time.
    return false;
  }
}
