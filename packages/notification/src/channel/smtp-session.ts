import SMTPConnection from "nodemailer/lib/smtp-connection";

/** Address and sign-in of a mail server. */
export interface SmtpServer {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly auth?: { readonly user: string; readonly pass: string } | undefined;
  /** Connecting, TLS, greeting and sign-in together. */
  readonly connectTimeoutMs: number;
  /** Each reply of the server afterwards. */
  readonly replyTimeoutMs: number;
  /** The URL's other options, with nodemailer's names, for example `tls` and `secure`. */
  readonly [option: string]: unknown;
}

type Done = (error?: Error | null) => void;

/** A signed-in connection to a mail server. It sends one message at a time. */
export class SmtpSession {
  readonly #connection: SMTPConnection;
  #isOpen = true;
  /** Ends the current operation. */
  #onClosed: Done = () => {};

  private constructor({ connectTimeoutMs, replyTimeoutMs, ...server }: SmtpServer) {
    this.#connection = new SMTPConnection({
      ...server,
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      socketTimeout: replyTimeoutMs,
      // Buffered data must not be sent after an attempt was ended.
      socketCloseTimeout: 0,
    });
    const closed = (error?: Error) => {
      this.#isOpen = false;
      this.#onClosed(error ?? new Error("The mail server closed the connection"));
    };
    this.#connection.on("error", closed);
    this.#connection.on("end", () => closed());
  }

  /** Connects and signs in. Rejects if either fails. */
  static async open(server: SmtpServer, signal: AbortSignal): Promise<SmtpSession> {
    const session = new SmtpSession(server);
    const connection = session.#connection;
    const { auth } = server;
    try {
      await session.#perform((done) => connection.connect(done), signal);
      if (auth !== undefined && connection.allowsAuth) {
        await session.#perform((done) => connection.login({ ...auth }, done), signal);
      }
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Whether the connection can take another message. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resets the state after a message, and checks that the server responds (`RSET`). Rejects if not. */
  async reset(signal: AbortSignal): Promise<void> {
    await this.#perform((done) => this.#connection.reset(done), signal);
  }

  /** Resolves when the server has accepted the message. */
  async send(
    { from, to, message }: { readonly from: string; readonly to: string; readonly message: Buffer },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#perform((done) => this.#connection.send({ from, to: [to] }, message, done), signal);
  }

  /** Ends the connection at once. */
  close(): void {
    this.#connection.close();
  }

  /** Runs one operation on the connection. It fails when the connection does, and closes the connection when the signal aborts. */
  async #perform(begin: (done: Done) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done: Done = (error) => (error == null ? resolve() : reject(error));
    const abort = () => {
      reject(signal.reason);
      this.close();
    };
    this.#onClosed = done;
    signal.addEventListener("abort", abort, { once: true });
    try {
      begin(done);
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#onClosed = () => {};
    }
  }
}
