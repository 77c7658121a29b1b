import { type Signal, signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { OrderCallsLink } from "../orders/order-calls-link.tsx";
import { useAction } from "../parts/busy.ts";
import { Failure } from "../parts/failure.tsx";
import { tell } from "../parts/toasts.tsx";

/** The failed items. They are cached while the page is open. */
export interface RedriveSource<T> {
  readonly items: Signal<readonly T[] | undefined>;
  readonly error: Signal<unknown>;
  readonly read: () => Promise<void>;
}

/** A list that is read again after each redelivery. */
export function redriveSource<T>(list: () => Promise<readonly T[]>): RedriveSource<T> {
  const items = signal<readonly T[] | undefined>(undefined);
  const error = signal<unknown>(undefined);
  async function read(): Promise<void> {
    try {
      items.value = await list();
      error.value = undefined;
    } catch (failure) {
      error.value = failure;
    }
  }
  return { items, error, read };
}

interface RedriveListProps<T> {
  readonly source: RedriveSource<T>;
  readonly label: string;
  readonly title: string;
  /** The label of the button at each item. */
  readonly again: string;
  readonly allAgain: string;
  /** Repeats the items with these ids, or all if there are none, and returns the result as text. */
  readonly redrive: (ids: readonly string[]) => Promise<string>;
  readonly empty: ComponentChildren;
  readonly row: (item: T) => RedriveRow;
}

interface RedriveRow {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly cause: string;
  /** The number of attempts, and the time of the failure. */
  readonly attempts: number;
  readonly until: string;
  /** The order that it is about. Empty if it is about something else. */
  readonly orderId: string;
}

/** Failed items with their errors, and buttons that repeat one or all. */
export function RedriveList<T>(props: RedriveListProps<T>): JSX.Element {
  const { source, label, title, again, allAgain, redrive, empty, row } = props;
  useEffect(() => void source.read(), []);
  const redriving = useAction(async (ids: readonly string[]) => {
    tell(await redrive(ids));
    await source.read();
  });
  const items = source.items.value;
  return (
    <section class="panel" aria-label={label}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="button small" onClick={() => void source.read()}>
          Refresh
        </button>
        <button
          type="button"
          class="button small"
          disabled={redriving.busy.value || (items?.length ?? 0) === 0}
          onClick={() => void redriving.run([])}
        >
          {allAgain}
        </button>
      </header>
      {source.error.value === undefined ? null : <Failure error={source.error.value} />}
      {redriving.error.value === undefined ? null : <Failure error={redriving.error.value} />}
      {items?.length === 0 ? (
        empty
      ) : (
        <ul class="messages">
          {items?.map(row).map(({ id, name, about, cause, attempts, until, orderId }) => (
            <li key={id} class="letter">
              <div>
                <strong>{name}</strong> <span class="small muted">{about}</span>{" "}
                {orderId === "" ? null : <OrderCallsLink id={orderId} />}
                <p class="wrong">{cause}</p>
                <p class="small muted">
                  {attempts} {attempts === 1 ? "attempt" : "attempts"}, {until}
                </p>
              </div>
              <button
                type="button"
                class="button small"
                disabled={redriving.busy.value}
                onClick={() => void redriving.run([id])}
              >
                {again}
                <span class="unseen"> {name}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
