import { createClient } from "@connectrpc/connect";
import { createFetchTransport } from "@parley/client";
import { type StackProcess, StackService } from "@parley/gen/stack/v1/stack_service_pb.js";
import { signal } from "@preact/signals";
import { baseUrl } from "./api.ts";
import { readSession, session } from "./session.ts";

/** What `parley up` runs. Reached through the gateway, with the token of the run. */
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

/** Undefined until they were read. */
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

/** How often the processes are looked at while a view shows them, in milliseconds. */
const watchMs = 1_500;

/** Reads the processes again and again. Returns what ends that. */
export function watchProcesses(): () => void {
  const look = () => {
    if (session.value?.stack === undefined) {
      // The stack writes down how it is reached when it stands, a moment after the gateway does.
      void readSession();
    } else {
      void readProcesses();
    }
  };
  look();
  const timer = setInterval(look, watchMs);
  return () => clearInterval(timer);
}
