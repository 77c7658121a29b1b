/** A process of this machine. */
export interface PortOwner {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** What a TCP port of this machine is used for. */
export interface PortUse {
  /**
   * `listening`: a process listens on it. `connected`: it is the local end of a connection, mostly an outgoing one. `none`:
   * no socket has it. `unknown`: the machine has no way to tell.
   */
  readonly kind: "listening" | "connected" | "none" | "unknown";
  /** Whose socket it is, as far as this user may see. */
  readonly owner?: PortOwner | undefined;
}

/** What uses a port, in words that follow "and" or stand alone: `process 4711 (node main.ts) listens on it`. */
export function portUseInWords({ kind, owner }: PortUse): string {
  const who = owner === undefined ? "a process of another user" : `process ${owner.pid} (${owner.command})`;
  switch (kind) {
    case "listening":
      return `${who} listens on it`;
    case "connected":
      return `${who} has a connection from it`;
    case "none":
      return "nothing holds it any more: it was in use for a moment";
    case "unknown":
      return "another process has it";
  }
}
