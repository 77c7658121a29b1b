import http from "node:http";
import https from "node:https";
import { setTimeout as wait } from "node:timers/promises";

/** Between two requests, in milliseconds: short, since a service that listens is healthy at once. */
const intervalMs = 25;
/** The time limit of one answer, in milliseconds. */
const answerMs = 1_000;

/**
 * Asks a service that listens for `GET /health` until it answers 200. Rejects with the signal's reason once that aborts. Must
 * not be called before the service listens: a dial to a closed port may connect to itself.
 */
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
        ? // The request goes to a child of this process on this machine, so its certificate need not be verified.
          https.get(health, { ...options, rejectUnauthorized: false })
        : http.get(health, options);
    request.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    // It is starting, or it exited: the next request, or the exit of the process, decides.
    request.on("error", () => resolve(false));
    request.once("close", () => resolve(false));
  });
}
