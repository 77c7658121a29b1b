import { connect, type Socket } from "node:net";

/** An HTTP/1.1 connection with hand-written bytes. */
export class RawHttp1 {
  readonly socket: Socket;
  closed = false;
  bytesRead = 0;
  /** The start of the received bytes. */
  text = "";

  constructor(url: string, { reads = true, localAddress = undefined as string | undefined } = {}) {
    const { hostname, port } = new URL(url);
    this.socket = connect({
      host: hostname,
      port: Number(port),
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.socket.setNoDelay(true);
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    if (reads) {
      this.socket.on("data", (chunk: Buffer) => {
        this.bytesRead += chunk.length;
        if (this.text.length < 65_536) this.text += chunk.toString("latin1");
      });
    } else this.socket.pause();
  }

  /** Sends, and waits until the kernel has accepted the bytes, the connection is closed, or `maxMs` have passed. */
  send(bytes: Buffer | string, maxMs = 10_000): Promise<void> {
    if (this.closed || this.socket.destroyed || this.socket.write(bytes)) return Promise.resolve();
    return new Promise((resolve) => {
      const { socket } = this;
      const timer = setTimeout(done, maxMs);
      function done() {
        clearTimeout(timer);
        socket.off("drain", done).off("close", done);
        resolve();
      }
      socket.on("drain", done).on("close", done);
    });
  }

  /** Waits while a condition holds. Returns when the connection closes or the time has passed. */
  async while(going: () => boolean, maxMs = 5_000): Promise<void> {
    const endMs = performance.now() + maxMs;
    while (going() && !this.closed && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  close(): void {
    this.socket.destroy();
  }
}
