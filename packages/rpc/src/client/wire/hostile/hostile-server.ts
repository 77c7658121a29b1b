import { type AddressInfo, createServer, type Socket } from "node:net";
import { encodeFields } from "@parley/http2";
import { attacks, frame, frameBytesMax, types } from "./hostile-attacks.ts";

/**
 * For tests: hostile servers, in a process of their own, so that their client's costs can be measured. The arguments
 * are pairs of a behaviour and a protocol. Prints their ports, in the same order.
 */
const [, , ...asked] = process.argv;

function repeat(socket: Socket, step: () => void): void {
  const more = () => {
    while (!socket.destroyed && socket.writableLength < 1 << 20) {
      step();
    }
    if (!socket.destroyed) {
      setImmediate(more);
    }
  };
  more();
}

function http1(socket: Socket, { attack, protocol }: Server): void {
  socket.once("data", () => {
    attacks[attack]?.({
      protocol,
      overHttp2: false,
      head(fields = []) {
        let head = `HTTP/1.1 200 OK\r\ncontent-type: ${types[protocol]}\r\ntransfer-encoding: chunked\r\n`;
        for (let at = 0; at < fields.length; at += 2) {
          head += `${fields[at]}: ${fields[at + 1]}\r\n`;
        }
        socket.write(`${head}\r\n`);
      },
      piece: (bytes) =>
        socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])),
      raw: (bytes) => socket.write(bytes),
      end: () => socket.write("0\r\n\r\n"),
      forever: (step) => repeat(socket, step),
    });
  });
}

/** Enough of HTTP/2 for one client: it answers each stream, and observes the windows. */
function http2(socket: Socket, { attack, protocol }: Server): void {
  socket.write(frame(4, 0, 0, Buffer.alloc(0)));
  let bytes = Buffer.alloc(0);
  let begun = false;
  let connectionWindow = 65_535;
  const windows = new Map<number, number>();
  let streamWindow = 65_535;
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (!begun) {
      if (bytes.length < 24) {
        return;
      }
      bytes = bytes.subarray(24);
      begun = true;
    }
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const payload = bytes.subarray(9, 9 + bytes.readUIntBE(0, 3));
      const [type, flags, id] = [bytes[3] as number, bytes[4] as number, bytes.readUInt32BE(5)];
      bytes = bytes.subarray(9 + payload.length);
      if (type === 1) {
        begin(id);
      } else if (type === 3) {
        windows.delete(id);
      } else if (type === 4 && (flags & 1) === 0) {
        for (let at = 0; at < payload.length; at += 6) {
          streamWindow = payload.readUInt16BE(at) === 4 ? payload.readUInt32BE(at + 2) : streamWindow;
        }
        socket.write(frame(4, 1, 0, Buffer.alloc(0)));
      } else if (type === 6 && (flags & 1) === 0) {
        socket.write(frame(6, 1, 0, payload));
      } else if (type === 8 && id === 0) {
        connectionWindow += payload.readUInt32BE(0);
      } else if (type === 8 && windows.has(id)) {
        windows.set(id, (windows.get(id) ?? 0) + payload.readUInt32BE(0));
      }
    }
  });

  function begin(id: number): void {
    windows.set(id, streamWindow);
    const open = () => windows.has(id) && !socket.destroyed;
    let queue: Uint8Array[] = [];
    let ends = false;
    function flush(): void {
      let sent = 0;
      for (const bytes of queue) {
        const window = windows.get(id) ?? 0;
        if (!open() || window < bytes.length || connectionWindow < bytes.length) {
          break;
        }
        windows.set(id, window - bytes.length);
        connectionWindow -= bytes.length;
        socket.write(frame(0, 0, id, bytes));
        sent++;
      }
      queue = queue.slice(sent);
      if (queue.length === 0 && ends && open()) {
        const trailers = encodeFields(["grpc-status", "0"]);
        socket.write(protocol === "grpc" ? frame(1, 5, id, trailers) : frame(0, 1, id, Buffer.alloc(0)));
      }
      if (queue.length > 0 && open()) {
        setTimeout(flush, 1);
      }
    }
    attacks[attack]?.({
      protocol,
      overHttp2: true,
      head: (fields = []) =>
        socket.write(
          frame(1, 4, id, encodeFields([":status", "200", "content-type", types[protocol] ?? "", ...fields])),
        ),
      piece(bytes) {
        const idle = queue.length === 0;
        for (let at = 0; at < bytes.length; at += frameBytesMax) {
          queue.push(bytes.subarray(at, at + frameBytesMax));
        }
        if (idle) {
          flush();
        }
      },
      raw: (bytes) => socket.write(Buffer.from(bytes as Uint8Array)),
      end() {
        ends = true;
        flush();
      },
      forever(step) {
        const more = () => {
          while (open() && queue.length === 0 && socket.writableLength < 1 << 20) {
            step();
          }
          if (open()) {
            setImmediate(more);
          }
        };
        more();
      },
    });
  }
}

interface Server {
  readonly attack: string;
  readonly protocol: string;
}

const ports: unknown[] = [];
for (let at = 0; at < asked.length; at += 2) {
  const [attack = "", dialect = ""] = asked.slice(at, at + 2);
  const [protocol = "", version] = dialect.split("/");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    (version === "2" ? http2 : http1)(socket, { attack, protocol });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ports.push((server.address() as AddressInfo).port);
}
process.stdout.write(`${JSON.stringify(ports)}\n`);
// Ends with the test that started it.
process.stdin.resume().on("end", () => process.exit());
