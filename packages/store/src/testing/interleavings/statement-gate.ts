import { connect, createServer, type Socket } from "node:net";

/** A statement that the gate holds back. */
export interface HeldStatement {
  /** Its SQL. */
  readonly text: string;
  /** Forwards it to the server. */
  release(): void;
}

/**
 * A proxy for one client of a PostgreSQL server that holds back each statement until it is released
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html). The client's own code runs unchanged.
 */
export interface StatementGate {
  readonly port: number;
  /** Whether statements are held back. Default: false. */
  isClosed: boolean;
  /** The statements that are held back, oldest first. */
  readonly held: readonly HeldStatement[];
  /** The number of released statements without an answer. */
  readonly inFlight: number;
  /** The process ids of the server's sessions. */
  readonly sessions: ReadonlySet<number>;
  /** The SQLSTATEs of all errors so far. */
  readonly errors: readonly string[];
  /** Called when a statement is held back, and when one is answered. */
  onChange: () => void;
  close(): Promise<void>;
}

/** Statements that do not touch data of other transactions. They are not held back. */
const unheldSql = /^(BEGIN|SELECT CAST\(EXTRACT|INSERT INTO parley_commits|SELECT current_setting|SELECT set_config)/;

export async function startStatementGate(serverPort: number): Promise<StatementGate> {
  const sockets = new Set<Socket>();
  const held: HeldStatement[] = [];
  const sessions = new Set<number>();
  const errors: string[] = [];

  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    const texts = new Map<string, string>();
    /** The held statements of this connection, oldest first, and whether each ends with a Sync. */
    const ownHeld: (HeldStatement & { readonly isLast: boolean })[] = [];
    /** For each released statement without an answer, whether it ends with a Sync. */
    const unanswered: boolean[] = [];
    let isStarted = false;
    let group: Buffer[] = [];
    let text = "";

    function send(messages: readonly Buffer[], isLast: boolean) {
      gate.inFlight++;
      unanswered.push(isLast);
      for (const message of messages) upstream.write(message);
      // Without a Sync, the server buffers its response until a Flush.
      if (!isLast) upstream.write(flushMessage);
    }

    /** A statement of the client is complete. Statements of one connection keep their order. */
    function statement(isLast: boolean) {
      const [messages, sql] = [group, text.trim()];
      [group, text] = [[], ""];
      if (!gate.isClosed || (ownHeld.length === 0 && unheldSql.test(sql))) {
        send(messages, isLast);
        return;
      }
      const one = {
        text: sql,
        isLast,
        release() {
          held.splice(held.indexOf(one), 1);
          ownHeld.splice(ownHeld.indexOf(one), 1);
          send(messages, isLast);
          const [next] = ownHeld;
          if (next !== undefined && unheldSql.test(next.text)) next.release();
        },
      };
      ownHeld.push(one);
      held.push(one);
      gate.onChange();
    }

    function answered() {
      unanswered.shift();
      gate.inFlight--;
      gate.onChange();
    }

    /** After an error the server skips the rest of a group, up to its Sync. */
    function skipGroup() {
      while (unanswered[0] !== true && (unanswered.length > 0 || ownHeld.length > 0)) {
        if (unanswered.length > 0) answered();
        else ownHeld[0]?.release();
      }
    }

    let isExecuted = false;
    const fromClient = messagesOf((type, message) => {
      if (!isStarted || type === "p" || type === "X") {
        isStarted = true;
        upstream.write(message);
        return;
      }
      // A statement is complete at the next one's first message, or with the Sync behind it.
      if (isExecuted && type !== "S") statement(false);
      isExecuted = type === "E";
      group.push(message);
      if (type === "Q") {
        text = stringAt(message, 5);
      } else if (type === "P") {
        const name = stringAt(message, 5);
        text = stringAt(message, 5 + Buffer.byteLength(name) + 1);
        texts.set(name, text);
      } else if (type === "B" && text === "") {
        const portal = stringAt(message, 5);
        text = texts.get(stringAt(message, 5 + Buffer.byteLength(portal) + 1)) ?? "";
      }
      if (type === "Q" || type === "S") statement(true);
    }, true);
    let isReady = false;
    const fromServer = messagesOf((type, message) => {
      client.write(message);
      if (type === "K") sessions.add(message.readInt32BE(5));
      if (type === "E") errors.push(/\0C([0-9A-Z]{5})\0/.exec(message.toString("latin1"))?.[1] ?? "");
      if (type === "E" && unanswered[0] === false) skipGroup();
      if (type === "C" && unanswered[0] === false) answered();
      if (type !== "Z") return;
      // The first one ends the start of the session.
      if (isReady) answered();
      isReady = true;
      gate.onChange();
    }, false);

    client.on("data", fromClient);
    upstream.on("data", fromServer);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const gate = {
    port: (server.address() as { port: number }).port,
    isClosed: false,
    held,
    inFlight: 0,
    sessions,
    errors,
    onChange: () => {},
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return gate;
}

/** Flush, which has no content. */
const flushMessage = Buffer.from("H\0\0\0\x04", "latin1");

/** Cuts a stream into the protocol's messages. Only a client's first one has no type. */
function messagesOf(take: (type: string, message: Buffer) => void, isClient: boolean): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = isClient;
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (;;) {
      const head = isFirst ? 0 : 1;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return;
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      const type = isFirst ? "" : String.fromCharCode(message[0] as number);
      isFirst = false;
      take(type, message);
    }
  };
}

function stringAt(message: Buffer, at: number): string {
  return message.toString("utf8", at, message.indexOf(0, at));
}
