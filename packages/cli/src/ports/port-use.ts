/** A process of this machine. */
export interface PortOwner {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** The use of a TCP port of this machine. */
export interface PortUse {
  /**
   * `listening`: a process listens on it. `connected`: it is the local end of a connection, usually an outgoing one. `none`:
   * no socket uses it. `unknown`: the system does not report it.
   */
  readonly kind: "listening" | "connected" | "none" | "unknown";
  /** The socket's process, if this user may see it. */
  readonly owner?: PortOwner | undefined;
}

/** The user of a port, as a clause: `process 4711 (node main.ts) listens on it`. */
export function portUseInWords({ kind, owner }: PortUse): string {
  const who = owner === undefined ? "a process of another user" : `process ${owner.pid} (${owner.command})`;
  switch (kind) {
    case "listening":
      return `${who} listens on it`;
    case "connected":
      return `${who} has a connection from it`;
    case "none":
      return "it was in use only for a moment";
    case "unknown":
      return "another process uses it";
  }
}
