import { once } from "node:events";
import { connect } from "node:net";
import { encodeFields, Http2Connection, type Http2Stream } from "@parley/http2";
import { answerEnvelopeBytes, encodeRequest, paths } from "./contract.ts";
import type { DriverReport, DriverWork } from "./driver-work.ts";
import { envelope } from "./envelope.ts";

/**
 * The client of the streams, in its own process and on its own core. It reads frames and counts bytes without decoding, so that
 * the server is the bottleneck. Receives tasks over the IPC channel, and reports when each is done.
 */
const connections: Http2Connection[] = [];
/** Received bytes of messages, on all streams except `publish`. */
let receivedBytes = 0;
let ended = 0;

async function open(port: number, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const settled = Promise.withResolvers<void>();
    connections.push(
      new Http2Connection(socket, {
        role: "client",
        listener: { onSettings: () => settled.resolve() },
        streamWindowBytes: 1 << 20,
        connectionWindowBytes: 1 << 26,
        headerBytesMax: 65_536,
      }),
    );
    await settled.promise;
  }
}

interface Asked {
  readonly path: string;
  readonly message: string;
  readonly connection: number;
  /** Leaves the request open. */
  readonly open?: boolean;
  onBytes?(bytes: number): void;
  onEnd?(): void;
}

function ask({ path, message, connection, open = false, onBytes, onEnd }: Asked): Http2Stream {
  const chosen = connections[connection % connections.length] as Http2Connection;
  const head = encodeFields([
    ...[":method", "POST", ":scheme", "http", ":path", path, ":authority", "localhost"],
    ...["content-type", "application/grpc+proto", "te", "trailers"],
  ]);
  const stream = chosen.open(head);
  stream.listener = {
    onHeaders() {},
    onTrailers(fields) {
      const status = fields[fields.indexOf("grpc-status") + 1];
      if (status !== "0") {
        throw new Error(`${path} ended with ${status}: ${fields.join(" ")}`);
      }
    },
    onData(bytes) {
      stream.taken(bytes.length);
      onBytes?.(bytes.length);
    },
    onEnd() {
      onEnd?.();
    },
    onClose() {},
  };
  const body = envelope(encodeRequest(message));
  if (open) {
    stream.sendData(body);
  } else {
    stream.end(body);
  }
  return stream;
}

const count = (bytes: number) => {
  receivedBytes += bytes;
};

/** Streams that end after this many messages. */
function repeat({ streams, messages }: { readonly streams: number; readonly messages: number }): Promise<void> {
  return new Promise((resolve) => {
    ended = 0;
    const onEnd = () => {
      if (++ended === streams) {
        resolve();
      }
    };
    for (let index = 0; index < streams; index++) {
      ask({ path: paths.repeat, message: String(messages), connection: index, onBytes: count, onEnd });
    }
  });
}

async function watch(streams: number): Promise<void> {
  for (let index = 0; index < streams; index++) {
    ask({ path: paths.watch, message: "", connection: index, onBytes: count });
    if (index % 200 === 199) {
      await new Promise(setImmediate);
    }
  }
}

/** Publishes, and waits until every watcher has received every message. */
function publish({ times, watchers }: { readonly times: number; readonly watchers: number }): Promise<void> {
  const wantedBytes = receivedBytes + times * watchers * answerEnvelopeBytes;
  return new Promise((resolve) => {
    ask({ path: paths.publish, message: `${times} ${watchers}`, connection: 0 });
    const look = () => {
      if (receivedBytes >= wantedBytes) {
        resolve();
      } else {
        setTimeout(look, 1);
      }
    };
    look();
  });
}

/** Streams on which each message waits for the response to the previous one. */
function chat({ streams, messages }: { readonly streams: number; readonly messages: number }): Promise<void> {
  const message = "x".repeat(158);
  const next = envelope(encodeRequest(message));
  let left = streams;
  return new Promise((resolve) => {
    for (let index = 0; index < streams; index++) {
      let answers = 0;
      let bytesLeft = answerEnvelopeBytes;
      const stream = ask({
        path: paths.chat,
        message,
        connection: index,
        open: true,
        onBytes(bytes) {
          bytesLeft -= bytes;
          if (bytesLeft > 0) {
            return;
          }
          bytesLeft = answerEnvelopeBytes;
          receivedBytes += answerEnvelopeBytes;
          if (++answers < messages) {
            stream.sendData(next);
          } else {
            stream.end();
          }
        },
        onEnd() {
          if (--left === 0) {
            resolve();
          }
        },
      });
    }
  });
}

async function run(work: DriverWork): Promise<void> {
  switch (work.kind) {
    case "open":
      return open(work.port, work.connections);
    case "repeat":
      return repeat(work);
    case "watch":
      return watch(work.streams);
    case "publish":
      return publish(work);
    case "chat":
      return chat(work);
  }
}

process.on("message", async (work: DriverWork) => {
  const before = receivedBytes;
  const startMs = performance.now();
  await run(work);
  const report: DriverReport = {
    messages: (receivedBytes - before) / answerEnvelopeBytes,
    seconds: (performance.now() - startMs) / 1000,
  };
  process.send?.(report);
});
