import { between, pause } from "./random.ts";

/** How long a connection may last before this side cuts it, in milliseconds. Servers that die cut it as well. */
const cutAfterMs = [300, 3_000] as const;
/** The wait before it connects again. */
const reconnectMs = 50;

export interface FollowOptions<T> {
  /** Opens the stream after a position; at its end where the position is empty. */
  readonly open: (afterPosition: string, signal: AbortSignal) => AsyncIterable<T>;
  readonly random: () => number;
}

/** Follows a stream through cuts on either side, from the last position each time. */
export interface Follower<T> {
  /** What was told since the last `forget`. */
  readonly told: readonly T[];
  /** How often it connected. */
  connections(): number;
  /** Where it is; empty before the first answer. */
  position(): string;
  /** Forgets what was told, and keeps its position. */
  forget(): void;
  stop(): Promise<void>;
}

export function follow<T extends { readonly position: string }>({ open, random }: FollowOptions<T>): Follower<T> {
  const stopping = new AbortController();
  let told: T[] = [];
  let position = "";
  let connections = 0;

  async function run() {
    while (!stopping.signal.aborted) {
      connections++;
      // Before the first answer there is no position to go on from, so that connection is left alone.
      const cut = new AbortController();
      const timer = setTimeout(() => position !== "" && cut.abort(), between(...cutAfterMs, random));
      try {
        for await (const answer of open(position, AbortSignal.any([stopping.signal, cut.signal]))) {
          told.push(answer);
          position = answer.position;
        }
      } catch {
        // The reason does not matter: whatever it was, the stream goes on from the position. A stream that
        // cannot go on shows in what it did not tell.
      } finally {
        clearTimeout(timer);
      }
      await pause(reconnectMs, stopping.signal);
    }
  }

  const running = run();
  return {
    get told() {
      return told;
    },
    connections: () => connections,
    position: () => position,
    forget() {
      told = [];
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
