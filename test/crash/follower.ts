import { between, pause } from "./random.ts";

/** How long a connection lasts before the client cuts it, in milliseconds. Killed servers cut it as well. */
const cutAfterMs = [300, 3_000] as const;
/** The wait before it reconnects. */
const reconnectMs = 50;

export interface FollowOptions<T> {
  /** Opens the stream after a position. An empty position means the end of the stream. */
  readonly open: (afterPosition: string, signal: AbortSignal) => AsyncIterable<T>;
  readonly random: () => number;
}

/** Follows a stream across disconnects of either side, and resumes from the last position. */
export interface Follower<T> {
  /** The messages since the last `forget`. */
  readonly messages: readonly T[];
  /** The number of connections. */
  connections(): number;
  /** The current position. Empty before the first message. */
  position(): string;
  /** Drops the messages and keeps the position. */
  forget(): void;
  stop(): Promise<void>;
}

export function follow<T extends { readonly position: string }>({ open, random }: FollowOptions<T>): Follower<T> {
  const stopping = new AbortController();
  let messages: T[] = [];
  let position = "";
  let connections = 0;

  async function run() {
    while (!stopping.signal.aborted) {
      connections++;
      // Before the first message there is no position to resume from, so that connection is not cut.
      const cut = new AbortController();
      const timer = setTimeout(() => position !== "" && cut.abort(), between(...cutAfterMs, random));
      try {
        for await (const answer of open(position, AbortSignal.any([stopping.signal, cut.signal]))) {
          messages.push(answer);
          position = answer.position;
        }
      } catch {
        // The cause does not matter: the stream resumes from the position. A stream that cannot resume shows as missing messages.
      } finally {
        clearTimeout(timer);
      }
      await pause(reconnectMs, stopping.signal);
    }
  }

  const running = run();
  return {
    get messages() {
      return messages;
    },
    connections: () => connections,
    position: () => position,
    forget() {
      messages = [];
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
