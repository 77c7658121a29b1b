import type { EventLog, NewEvent } from "@parley/events";
import {
  type Command,
  type Database,
  DatabaseClock,
  execute,
  type ProcessClock,
  type SqlValue,
  type Transaction,
} from "@parley/store";
import { type Confirmation, confirmOrder } from "./commands/confirm-order.ts";
import { insertOrder } from "./commands/insert-order.ts";
import { isSettled, type Order, type OrderPhase, type OrderState, stateOf } from "./order.ts";
import { type OrderRow, orderColumns, orderOfRow } from "./order-row.ts";
import { between, type Checkpoint } from "./saga/checkpoint.ts";

/** A filter and a page of a list. */
export interface OrderFilter {
  readonly userId?: string | undefined;
  readonly state?: OrderState | undefined;
  /** Only orders older than the one with this id. */
  readonly beforeId?: string | undefined;
}

/**
 * The longest lease of an order. A due time later than that was written before the clock was
 * set back, and is due.
 */
const leaseMsMax = 30_000;

/** A due order. */
export interface DueOrder {
  readonly order: Order;
  readonly dueTimeMs: number;
  /** Recovery's attempts since the last transition. */
  readonly attempts: number;
}

/** A transition to store. */
export interface Move {
  /** The phase before. */
  readonly from: OrderPhase;
  /** The lease: how long recovery does not take the order over, if a step remains. */
  readonly leaseMs: number;
  /** The event of the transition. */
  readonly event?: NewEvent | undefined;
  /** Only if no other process, and no other call, took the order over since this process created it. */
  readonly ifUntouched?: boolean;
}

export interface OrderStoreOptions {
  readonly database: Database;
  readonly events: EventLog;
  readonly clock: ProcessClock;
  /** The name of this process, the same after a restart. */
  readonly owner: string;
  readonly checkpoint?: Checkpoint | undefined;
}

/**
 * The orders in the service's database. Each write is one transaction, durable when it resolves. Leases use the database's clock: with their
 * own clocks, replicas whose clocks differ would take each other's orders over.
 */
export class OrderStore {
  readonly #database: Database;
  readonly #events: EventLog;
  readonly #owner: string;
  readonly #time: DatabaseClock;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #confirm: Command<Confirmation, boolean>;

  constructor({ database, events, clock, owner, checkpoint }: OrderStoreOptions) {
    this.#database = database;
    this.#events = events;
    this.#owner = owner;
    this.#time = new DatabaseClock({ database, clock });
    this.#checkpoint = checkpoint;
    this.#confirm = confirmOrder(events);
  }

  /** Inserts a new order. False if its user's request id has an order already. */
  async insert(order: Order, leaseMs: number): Promise<boolean> {
    const input = { order, dueTimeMs: this.#after(leaseMs), owner: this.#owner };
    return await this.#execute("PENDING", insertOrder, input);
  }

  /** Stores a transition and its event, both or neither. False if another transition came first. */
  async move(order: Order, { from, leaseMs, event, ifUntouched = false }: Move): Promise<boolean> {
    if (order.phase === "CONFIRMED" && !ifUntouched) {
      return await this.#execute(order.phase, this.#confirm, { order, from, event });
    }
    const due = isSettled(order.phase) ? null : this.#after(leaseMs);
    const parameters = moveValues(order, due, this.#owner);
    return await this.#write(order.phase, async (transaction) => {
      const moved = ifUntouched
        ? await transaction.run(`${moveSql} ${ifUntouchedSql}`, ...parameters, order.id, from, this.#owner)
        : await transaction.run(moveSql, ...parameters, order.id, from);
      if (moved === 0) return false;
      if (event !== undefined) await this.#events.append(transaction, event);
      return true;
    });
  }

  /** Deletes an order. False if it has had a transition. */
  async remove(id: string, from: OrderPhase): Promise<boolean> {
    const sql = "DELETE FROM orders WHERE id = ? AND phase = ?";
    return (await this.#write("REMOVED", (transaction) => transaction.run(sql, id, from))) === 1;
  }

  async get(id: string): Promise<Order | undefined> {
    return read(await this.#database.get<OrderRow>(`SELECT ${orderColumns} FROM orders WHERE id = ?`, id));
  }

  /** The order of a user's request. */
  async getByRequest(userId: string, requestId: string): Promise<Order | undefined> {
    return read(await this.#database.get<OrderRow>(byRequestSql, userId, requestId));
  }

  /** The newest orders of the filter, newest first. */
  async list({ userId, state, beforeId }: OrderFilter, limit: number): Promise<Order[]> {
    const conditions: string[] = [];
    const parameters: SqlValue[] = [];
    const where = (condition: string, value: string | undefined) => {
      if (value === undefined) return;
      conditions.push(condition);
      parameters.push(value);
    };
    where("user_id = ?", userId);
    // One buyer has few orders in other states. COALESCE hides `state`, so that SQLite does not choose the index of all orders by state.
    where(userId === undefined ? "state = ?" : "COALESCE(state, '') = ?", state);
    where("id < ?", beforeId);
    const filter = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const sql = `SELECT ${orderColumns} FROM orders ${filter} ORDER BY id DESC LIMIT ?`;
    return (await this.#database.all<OrderRow>(sql, ...parameters, limit)).map(orderOfRow);
  }

  /** Orders that are due, longest overdue first. Default: now. */
  async due(limit: number, nowMs = this.#time.now()): Promise<DueOrder[]> {
    const due = await this.#database.all<DueRow>(dueSql, nowMs, limit);
    const room = limit - due.length;
    const misdated = room > 0 ? await this.#database.all<DueRow>(misdatedSql, nowMs + leaseMsMax, room) : [];
    const rows = [...due, ...misdated];
    return rows.map((row) => ({ order: orderOfRow(row), dueTimeMs: row.due_time, attempts: row.attempts }));
  }

  /** Takes a due order over for the time of a lease. False if another process was faster, or it is settled. */
  async claim({ order, dueTimeMs, attempts }: DueOrder, leaseMs: number): Promise<boolean> {
    return (
      (await this.#write("CLAIMED", (transaction) =>
        transaction.run(claimSql, this.#after(leaseMs), this.#owner, attempts + 1, order.id, dueTimeMs),
      )) === 1
    );
  }

  /**
   * Takes an order over that is not due, because its buyer repeated the request. False if it had a transition. The increased `attempts` shows
   * the process that created the order that another call works on it too.
   */
  async join(order: Order, leaseMs: number): Promise<boolean> {
    return (
      (await this.#write("JOINED", (transaction) =>
        transaction.run(joinSql, this.#after(leaseMs), this.#owner, order.id, order.phase),
      )) === 1
    );
  }

  /** Delays an order's next attempt. No effect if it was settled, or taken over by another process, meanwhile. */
  async postpone(id: string, waitMs: number): Promise<void> {
    await this.#write("POSTPONED", (transaction) => transaction.run(postponeSql, this.#after(waitMs), id, this.#owner));
  }

  /** Makes the orders due that this process owned before its restart. Returns their number. */
  async adopt(): Promise<number> {
    const nowMs = this.#time.now();
    return await this.#write("ADOPTED", (transaction) => transaction.run(adoptSql, nowMs, nowMs, this.#owner));
  }

  /** Compares the clocks of this process and the database. Call it before the first lease, and every few seconds. */
  async syncClock(): Promise<void> {
    await this.#time.sync();
  }

  #after(durationMs: number): number {
    // Remaining times of calls have fractions; columns have whole milliseconds.
    return this.#time.now() + Math.min(Math.ceil(durationMs), leaseMsMax);
  }

  #execute<I, O>(name: string, command: Command<I, O>, input: I): Promise<O> {
    const work = () => execute(this.#database, command, { input });
    return this.#checkpoint === undefined ? work() : between(this.#checkpoint, name, work);
  }

  #write<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.#checkpoint === undefined) return this.#database.transaction(work);
    return between(this.#checkpoint, name, () => this.#database.transaction(work));
  }
}

interface DueRow extends OrderRow {
  readonly due_time: number;
  readonly attempts: number;
}

const moveSql = `
  UPDATE orders SET phase = ?, state = ?, state_reason = ?, refusal = ?, request_id = ?, revision = ?, update_time = ?,
    due_time = ?, owner = ?, attempts = 0
  WHERE id = ? AND phase = ?`;
const byRequestSql = `SELECT ${orderColumns} FROM orders WHERE user_id = ? AND request_id = ?`;
const dueSql = `SELECT ${orderColumns}, due_time, attempts FROM orders WHERE due_time <= ? ORDER BY due_time LIMIT ?`;
const misdatedSql = `SELECT ${orderColumns}, due_time, attempts FROM orders WHERE due_time > ? ORDER BY due_time LIMIT ?`;
const ifUntouchedSql = "AND owner = ? AND attempts = 0";
const joinSql = "UPDATE orders SET due_time = ?, owner = ?, attempts = attempts + 1 WHERE id = ? AND phase = ?";
const claimSql = "UPDATE orders SET due_time = ?, owner = ?, attempts = ? WHERE id = ? AND due_time = ?";
const postponeSql = "UPDATE orders SET due_time = ? WHERE id = ? AND owner = ? AND due_time IS NOT NULL";
const adoptSql = "UPDATE orders SET due_time = ? WHERE due_time > ? AND owner = ?";

function moveValues(order: Order, dueTimeMs: number | null, owner: string): readonly SqlValue[] {
  return [
    order.phase,
    stateOf(order.phase),
    order.stateReason,
    order.refusal === undefined ? null : JSON.stringify(order.refusal),
    order.requestId ?? null,
    order.revision,
    order.updateTimeMs,
    dueTimeMs,
    owner,
  ];
}

function read(row: OrderRow | undefined): Order | undefined {
  return row === undefined ? undefined : orderOfRow(row);
}
