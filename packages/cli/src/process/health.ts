import http from "node:http";
import https from "node:https";
import { setTimeout as wait } from "node:timers/promises";

/** The pause between two requests, in milliseconds: short, because a service that listens is healthy almost at once. */
const intervalMs = 25;
/** The time limit of one request, in milliseconds. */
const answerMs = 1_000;

/**
 * Sends `GET /health` to a listening service until the response is 200. Rejects with the signal's reason once that aborts. Must
 * not be called before the service listens: a dial to a closed port may connect to itself.
 */
export async function waitUntilHealthy(url: string, signal: AbortSignal): Promise<void> {
  while (!(await isHealthy(url, signal))) {
    signal.throwIfAborted();
    await wait(intervalMs);
  }
}

async function isHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  return (await askHealth(url, { signal, timeoutMs: answerMs })).healthy;
}

/** Sends one `GET /health`. Returns whether the response is 200, and its body or the error. */
export function askHealth(
  url: string,
  { signal, timeoutMs }: { readonly signal?: AbortSignal; readonly timeoutMs: number },
): Promise<{ readonly healthy: boolean; readonly answer: string }> {
  return new Promise((resolve) => {
    const health = new URL("/health", url);
    const options = { timeout: timeoutMs, agent: false, ...(signal === undefined ? {} : { signal }) };
    const request =
      health.protocol === "https:"
        ? // The request goes to a child of this process on this machine, so its certificate need not be verified.
          https.get(health, { ...options, rejectUnauthorized: false })
        : http.get(health, options);
    request.once("response", (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.once("end", () =>
        resolve({ healthy: response.statusCode === 200, answer: Buffer.concat(pieces).toString() }),
      );
    });
    request.once("timeout", () => request.destroy(new Error(`no response within ${timeoutMs} ms`)));
    // It is starting, or it exited: the next request, or the exit of the process, decides.
    request.on("error", ({ message }) => resolve({ healthy: false, answer: `${health}: ${message}` }));
    request.once("close", () => resolve({ healthy: false, answer: `${health}: the connection was closed` }));
  });
}
