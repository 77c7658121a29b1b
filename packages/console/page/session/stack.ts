import { createClient } from "@connectrpc/connect";
import { createFetchTransport } from "@parley/client";
import { type StackProcess, StackService } from "@parley/gen/stack/v1/stack_service_pb.js";
import { signal } from "@preact/signals";
import { baseUrl } from "./api.ts";
import { readSession, session } from "./session.ts";

/** The process control of `parley up`. Reached through the gateway, with the token of the run. */
export const stack = createClient(
  StackService,
  createFetchTransport({
    baseUrl: `${baseUrl}/console/stack`,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${session.value?.stack?.token ?? ""}`);
        return next(request);
      },
    ],
  }),
);

/** Undefined until loaded. */
export const processes = signal<readonly StackProcess[] | undefined>(undefined);
export const processesError = signal<unknown>(undefined);

export async function readProcesses(): Promise<void> {
  try {
    processes.value = (await stack.listProcesses({})).processes;
    processesError.value = undefined;
  } catch (error) {
    processesError.value = error;
  }
}

export function putProcess(process: StackProcess | undefined): void {
  if (process !== undefined) {
    processes.value = processes.value?.map((other) => (other.name === process.name ? process : other));
  }
}

/** How often the processes are polled while a view shows them, in milliseconds. */
const watchMs = 1_500;

/** Polls the processes. Call the result to stop. */
export function watchProcesses(): () => void {
  const look = () => {
    if (session.value?.stack === undefined) {
      // `parley up` publishes its address and token once all processes run, a moment after the gateway starts.
      void readSession();
    } else {
      void readProcesses();
    }
  };
  look();
  const timer = setInterval(look, watchMs);
  return () => clearInterval(timer);
}
