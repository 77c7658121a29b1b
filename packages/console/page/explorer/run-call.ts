import {
  type DescMethod,
  type FileRegistry,
  fromJson,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createFetchTransport } from "@parley/client";
import { signal } from "@preact/signals";
import { baseUrl, tracedCall, withToken } from "../session/api.ts";

/** The maximum number of responses of a stream that are kept. Older ones are removed. */
const answersMax = 200;

/** A call made on this page. It is kept only in the tab's memory, because a request may contain a password. */
export interface MadeCall {
  readonly id: number;
  readonly method: DescMethod;
  readonly request: JsonValue;
  readonly atMs: number;
  readonly traceId: string;
  readonly tookMs?: number;
  readonly answers: readonly JsonValue[];
  /** The number of responses, including removed ones. */
  readonly answerCount: number;
  readonly error?: unknown;
  readonly open: boolean;
}

/** Newest first. */
export const history = signal<readonly MadeCall[]>([]);
/** The maximum number of calls that are kept. */
const historyMax = 30;
let lastId = 0;

const controllers = new Map<number, AbortController>();

/**
 * Makes a call with the Connect protocol and JSON. Its responses and its status are added to {@link history}. Throws if the request does not match
 * the contract.
 */
export async function runCall(method: DescMethod, request: JsonValue, registry: FileRegistry): Promise<void> {
  const message = fromJson(method.input, request, { registry });
  const controller = new AbortController();
  const { traceId, options } = tracedCall({ signal: controller.signal });
  const beganMs = performance.now();
  const id = ++lastId;
  controllers.set(id, controller);
  const first: MadeCall = { id, method, request, atMs: Date.now(), traceId, answers: [], answerCount: 0, open: true };
  history.value = [first, ...history.value].slice(0, historyMax);
  const took = () => performance.now() - beganMs;
  const add = (answer: MessageShape<typeof method.output>) =>
    change(id, ({ answers, answerCount }) => ({
      answers: [...answers, toJson(method.output, answer, { registry })].slice(-answersMax),
      answerCount: answerCount + 1,
      tookMs: took(),
    }));
  try {
    await answersOf(method, message, { options, add });
    change(id, () => ({ open: false, tookMs: took() }));
  } catch (error) {
    change(id, () => ({ open: false, tookMs: took(), ...(controller.signal.aborted ? {} : { error }) }));
  } finally {
    controllers.delete(id);
  }
}

/** Cancels a stream. */
export function endCall(id: number): void {
  controllers.get(id)?.abort();
}

type Answer = MessageShape<DescMethod["output"]>;
type AnyClient = Readonly<Record<string, (input: unknown, options: CallOptions) => unknown>>;

async function answersOf(
  method: DescMethod,
  message: Answer,
  { options, add }: { readonly options: CallOptions; readonly add: (answer: Answer) => void },
): Promise<void> {
  const client = createClient(method.parent, transport) as unknown as AnyClient;
  const called = client[method.localName]?.(message, options);
  if (method.methodKind === "server_streaming") {
    for await (const answer of called as AsyncIterable<Answer>) {
      add(answer);
    }
  } else {
    add((await called) as Answer);
  }
}

const transport = createFetchTransport({ baseUrl, interceptors: [withToken] });

function change(id: number, changes: (call: MadeCall) => Partial<MadeCall>): void {
  history.value = history.value.map((call) => (call.id === id ? { ...call, ...changes(call) } : call));
}
