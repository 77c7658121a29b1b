import http from "node:http";
import https from "node:https";
import { setTimeout as wait } from "node:timers/promises";

/** Between two questions, in milliseconds: short, since a service is up within a second. */
const intervalMs = 25;
/** How long one answer may take, in milliseconds. */
const answerMs = 1_000;

/** Asks a service's `GET /health` until it answers 200. Rejects with the signal's reason once that aborts. */
export async function waitUntilHealthy(url: string, signal: AbortSignal): Promise<void> {
  while (!(await isHealthy(url, signal))) {
    signal.throwIfAborted();
    await wait(intervalMs);
  }
}

function isHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const health = new URL("/health", url);
    const options = { signal, timeout: answerMs, agent: false };
    const request =
      health.protocol === "https:"
        ? // The question goes to a child of this process on this machine; whose certificate it shows is not the point.
          https.get(health, { ...options, rejectUnauthorized: false })
        : http.get(health, options);
    request.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    // Not listening yet, or gone again: the next question will tell.
    request.on("error", () => resolve(false));
    request.once("close", () => resolve(false));
  });
}
