import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Database, Migration, Reader, Transaction } from "./database.ts";

/** How long a response is kept at least: the contracts promise that a request id is remembered "for at least a day". */
export const requestIdRetentionMs = 24 * 60 * 60 * 1000;
/** The interval of pruning. Old responses affect no call, so this only bounds the table's size. */
const pruneIntervalMs = 10 * 60 * 1000;
/** Rows deleted in one transaction: few enough not to delay calls noticeably. */
const pruneBatchSize = 500;

/** The table of stored responses. Include it in the migrations of each service that uses {@link answerOnce}. */
export const idempotencyMigrations: readonly Migration[] = [
  {
    id: "request-ids/1-request-ids",
    sql: `
      CREATE TABLE request_ids (
        scope TEXT NOT NULL,
        request_id TEXT NOT NULL,
        body_hash TEXT NOT NULL,
        answer TEXT NOT NULL,
        create_time BIGINT NOT NULL,
        PRIMARY KEY (scope, request_id)
      );
      CREATE INDEX request_ids_by_time ON request_ids (create_time);
    `,
  },
];

/** A request id was reused with another request body. */
export class RequestIdReusedError extends Error {
  override readonly name = "RequestIdReusedError";
  readonly requestId: string;

  constructor(requestId: string) {
    super(`\`request_id\` ${requestId} was used before, with another request. Use a new one for each request.`);
    this.requestId = requestId;
  }
}

/** A call that the client may retry. */
export interface RepeatableCall<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  /** The request. If its `requestId` is empty, the call is not idempotent, and nothing is stored. */
  readonly request: MessageShape<I> & { readonly requestId: string };
  /** The caller: equal request ids of two callers are two calls. */
  readonly caller: string;
  /** The time now, in milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/**
 * Runs `work` and stores its response in the same transaction. If the call was answered before, returns the stored response without running `work`.
 * If `work` throws, nothing is stored, so the call can be retried. Throws {@link RequestIdReusedError} if the id was used with another request.
 * Only an unsalted hash of the request is stored: replace a secret in it by a value that is as hard to guess.
 *
 * Respond to the caller only after the transaction has resolved: a response stored earlier may not be durable before.
 */
export async function answerOnce<I extends DescMessage, O extends DescMessage>(
  transaction: Transaction,
  call: RepeatableCall<I, O>,
  work: () => Promise<MessageInitShape<O>>,
): Promise<MessageShape<O>> {
  const { method } = call;
  if (call.request.requestId === "") {
    return create(method.output, await work());
  }
  const known = await claim(transaction, call);
  if (known !== undefined) {
    return fromBinary(method.output, Buffer.from(known, "base64"));
  }
  const answer = create(method.output, await work());
  await keepAnswer(transaction, call, textOf(method.output, answer));
  return answer;
}

/**
 * The stored response of a call, if there is one: for work with costs before its transaction begins. Throws {@link RequestIdReusedError} as {@link
 * answerOnce} does.
 */
export async function answerBefore<I extends DescMessage, O extends DescMessage>(
  reader: Reader,
  call: RepeatableCall<I, O>,
): Promise<MessageShape<O> | undefined> {
  const known = call.request.requestId === "" ? undefined : await findAnswer(reader, call);
  return known === undefined ? undefined : fromBinary(call.method.output, Buffer.from(known, "base64"));
}

/** How a service's refusals are stored, so that a repeated call is refused again. */
export interface Refusals {
  /** Serializes a refusal. Undefined for an error that may not occur on a retry. */
  write(error: unknown): string | undefined;
  /** Deserializes a refusal. */
  read(text: string): Error;
}

/** The work of a call, and which of its errors are permanent. */
export interface RefusableWork<O extends DescMessage> {
  /** Must throw a refusal before it writes anything: earlier writes would be committed with the refusal. */
  work(transaction: Transaction): Promise<MessageInitShape<O>>;
  readonly refusals: Refusals;
}

/**
 * {@link answerOnce} in a transaction of its own that stores refusals too. For work whose refusal may not hold on a later attempt: a delayed
 * duplicate of a refused call must not take effect after its caller received the failure.
 */
export async function answerOrRefuseOnce<I extends DescMessage, O extends DescMessage>(
  database: Database,
  call: RepeatableCall<I, O>,
  { work, refusals }: RefusableWork<O>,
): Promise<MessageShape<O>> {
  const { method } = call;
  if (call.request.requestId === "") {
    return create(method.output, await database.transaction(work));
  }
  type Outcome = { readonly answer: MessageShape<O> } | { readonly refusal: unknown };
  const outcome = await database.transaction(async (transaction): Promise<Outcome> => {
    const known = await claim(transaction, call);
    if (known?.startsWith(refusalMark)) {
      return { refusal: refusals.read(known.slice(refusalMark.length)) };
    }
    if (known !== undefined) {
      return { answer: fromBinary(method.output, Buffer.from(known, "base64")) };
    }
    try {
      const answer = create(method.output, await work(transaction));
      await keepAnswer(transaction, call, textOf(method.output, answer));
      return { answer };
    } catch (error) {
      const refusal = refusals.write(error);
      if (refusal === undefined) {
        throw error;
      }
      await keepAnswer(transaction, call, refusalMark + refusal);
      return { refusal: error };
    }
  });
  if ("refusal" in outcome) {
    throw outcome.refusal;
  }
  return outcome.answer;
}

/** Marks a refusal. A response is base64. */
const refusalMark = "!";

async function findAnswer<I extends DescMessage, O extends DescMessage>(
  reader: Reader,
  call: RepeatableCall<I, O>,
): Promise<string | undefined> {
  const { scope, requestId } = keyOf(call);
  const known = await reader.get<{ body_hash: string; answer: string }>(
    "SELECT body_hash, answer FROM request_ids WHERE scope = ? AND request_id = ?",
    scope,
    requestId,
  );
  if (known !== undefined && known.body_hash !== bodyHashOf(call)) {
    throw new RequestIdReusedError(call.request.requestId);
  }
  return known?.answer;
}

/**
 * The stored response of the call. Undefined if this transaction is the first: a concurrent duplicate of the call in another process waits until
 * this transaction ends.
 */
async function claim<I extends DescMessage, O extends DescMessage>(
  transaction: Transaction,
  call: RepeatableCall<I, O>,
): Promise<string | undefined> {
  const known = await findAnswer(transaction, call);
  if (known !== undefined || !transaction.isShared) {
    return known;
  }
  const { scope, requestId } = keyOf(call);
  const inserted = await transaction.run(
    `${insertSql} ON CONFLICT (scope, request_id) DO NOTHING`,
    scope,
    requestId,
    bodyHashOf(call),
    "",
    call.nowMs,
  );
  return inserted === 1 ? undefined : await findAnswer(transaction, call);
}

const insertSql = "INSERT INTO request_ids (scope, request_id, body_hash, answer, create_time) VALUES (?, ?, ?, ?, ?)";

async function keepAnswer<I extends DescMessage, O extends DescMessage>(
  transaction: Transaction,
  call: RepeatableCall<I, O>,
  answer: string,
): Promise<void> {
  const { scope, requestId } = keyOf(call);
  if (transaction.isShared) {
    await transaction.run(
      "UPDATE request_ids SET answer = ? WHERE scope = ? AND request_id = ?",
      answer,
      scope,
      requestId,
    );
  } else {
    await transaction.run(insertSql, scope, requestId, bodyHashOf(call), answer, call.nowMs);
  }
}

function keyOf<I extends DescMessage, O extends DescMessage>({ method, request, caller }: RepeatableCall<I, O>) {
  // UUIDs are case-insensitive (RFC 9562, section 4).
  return { scope: `${method.name} ${caller}`, requestId: request.requestId.toLowerCase() };
}

function bodyHashOf<I extends DescMessage, O extends DescMessage>({ method, request }: RepeatableCall<I, O>): string {
  return hashOf(toBinary(method.input, { ...request, requestId: request.requestId.toLowerCase() }));
}

function textOf<O extends DescMessage>(output: O, answer: MessageShape<O>): string {
  return Buffer.from(toBinary(output, answer)).toString("base64");
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

/** Deletes the responses stored before `beforeMs`, in batches. Returns the number of deleted responses. */
export async function pruneRequestIds(database: Database, beforeMs: number): Promise<number> {
  let pruned = 0;
  while (true) {
    const batch = await database.transaction((transaction) =>
      transaction.run(
        `DELETE FROM request_ids WHERE (scope, request_id) IN (
           SELECT scope, request_id FROM request_ids WHERE create_time < ? ORDER BY create_time LIMIT ${pruneBatchSize}
         )`,
        beforeMs,
      ),
    );
    pruned += batch;
    if (batch < pruneBatchSize) {
      return pruned;
    }
  }
}

/** The clock for pruning. A `Clock` of `@parley/rpc` is one. */
export interface PruningClock {
  now(): number;
  after(delayMs: number, callback: () => void): () => void;
}

export interface PruningOptions {
  readonly database: Database;
  readonly clock: PruningClock;
  /** Called when a round failed. The next round runs as usual. */
  onError(error: unknown): void;
  /** Prunes other data of the database. */
  also?(nowMs: number): Promise<unknown>;
}

/** Deletes responses older than {@link requestIdRetentionMs} every ten minutes. Call the result to stop it after the current round. */
export function startPruningRequestIds(options: PruningOptions): () => Promise<void> {
  const { database, clock, onError, also } = options;
  let stopped = false;
  let round = Promise.resolve();
  let cancel = clock.after(pruneIntervalMs, next);

  async function prune() {
    try {
      await pruneRequestIds(database, clock.now() - requestIdRetentionMs);
      await also?.(clock.now());
    } catch (error) {
      onError(error);
    }
    if (!stopped) {
      cancel = clock.after(pruneIntervalMs, next);
    }
  }
  function next() {
    round = prune();
  }
  return async () => {
    stopped = true;
    cancel();
    await round;
  };
}
