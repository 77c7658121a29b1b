import { StoreUnavailableError } from "../store-errors.ts";

/** The wait for the disk; at most one runs at a time. */
export class Disk {
  readonly #sync: () => Promise<void>;
  readonly #onFailed: (failure: StoreUnavailableError) => void;
  #waiting: Promise<void> | undefined;
  #failure: StoreUnavailableError | undefined;

  /** `sync` waits until what is written is on the disk. `onFailed` is told, once, that the disk has failed. */
  constructor(sync: () => Promise<void>, onFailed: (failure: StoreUnavailableError) => void = () => {}) {
    this.#sync = sync;
    this.#onFailed = onFailed;
  }

  /** Whether something that is committed may not be on the disk yet. */
  get isWaitedFor(): boolean {
    return this.#waiting !== undefined;
  }

  /** Why nothing can be trusted any more, if the disk has failed. */
  get failure(): StoreUnavailableError | undefined {
    return this.#failure;
  }

  /** Waits until what is committed is on the disk. */
  async wait(): Promise<void> {
    this.#waiting = this.#sync().catch((cause: unknown) => {
      // The disk's content is now unknown: after a failed fsync the next one succeeds and proves nothing.
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

  /** What was read now, told when all that is committed by now is on the disk. */
  onceDurable<R>(answer: R): Promise<R> {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    return this.#waiting === undefined ? Promise.resolve(answer) : this.#waiting.then(() => answer);
  }
}
