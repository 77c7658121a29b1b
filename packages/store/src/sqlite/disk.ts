import { StoreUnavailableError } from "../store-errors.ts";

/** Waits for fsync. At most one fsync runs at a time. */
export class Disk {
  readonly #sync: () => Promise<void>;
  readonly #onFailed: (failure: StoreUnavailableError) => void;
  #waiting: Promise<void> | undefined;
  #failure: StoreUnavailableError | undefined;

  /** `sync` resolves when all written data is on the disk. `onFailed` is called once, when an fsync has failed. */
  constructor(sync: () => Promise<void>, onFailed: (failure: StoreUnavailableError) => void = () => {}) {
    this.#sync = sync;
    this.#onFailed = onFailed;
  }

  /** Whether committed data may not be on the disk yet. */
  get isWaitedFor(): boolean {
    return this.#waiting !== undefined;
  }

  /** The failure of an earlier fsync, if there was one. Every call is refused then. */
  get failure(): StoreUnavailableError | undefined {
    return this.#failure;
  }

  /** Waits until all committed data is on the disk. */
  async wait(): Promise<void> {
    this.#waiting = this.#sync().catch((cause: unknown) => {
      // The disk's content is now unknown: after a failed fsync the next one can succeed without having written the data.
      const problem = "The disk failed while a commit was written: the database must be opened again.";
      this.#failure = new StoreUnavailableError("io", problem, { cause });
      this.#onFailed(this.#failure);
      throw this.#failure;
    });
    try {
      await this.#waiting;
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Resolves with `answer` when all data committed so far is on the disk. */
  onceDurable<R>(answer: R): Promise<R> {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    return this.#waiting === undefined ? Promise.resolve(answer) : this.#waiting.then(() => answer);
  }
}
