import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A step of an SMTP session. `message`: after the dot that ends it. */
export type SmtpStage = "greeting" | "EHLO" | "HELO" | "AUTH" | "MAIL" | "RCPT" | "DATA" | "message" | "RSET";

/** The server's action at a step: a reply, closing the connection, or waiting for a promise before the usual reply. */
export type SmtpAnswer = string | "close" | Promise<void>;

export interface ScriptedMailServer {
  readonly port: number;
  /** Selects the server's action. Undefined: as usual, which accepts every message. May be replaced at any time. */
  script: (stage: SmtpStage, line: string) => SmtpAnswer | undefined;
  /** The accepted messages, in order, with their headers. */
  readonly messages: string[];
  /** The most concurrent messages, from `MAIL` to the reply. */
  readonly concurrencySeen: number;
  /** The connections so far. */
  readonly connectionCount: number;
  /** The server stops: connections are cut, and its port refuses new ones. */
  goAway(): Promise<void>;
  /** The server is back on its port. */
  comeBack(): Promise<void>;
}

const usual: Readonly<Record<SmtpStage, string>> = {
  greeting: "220 scripted ESMTP",
  EHLO: "250-scripted\r\n250 AUTH PLAIN",
  HELO: "250 scripted",
  AUTH: "235 2.7.0 welcome",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 send the message",
  message: "250 2.0.0 taken",
  RSET: "250 2.0.0 ok",
};

/** A real SMTP server on a free port that follows a test's script. */
export async function startScriptedMailServer(): Promise<ScriptedMailServer> {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  let concurrency = 0;
  let concurrencySeen = 0;
  let port = 0;
  let server: Server;

  const mailServer: ScriptedMailServer = {
    get port() {
      return port;
    },
    script: () => undefined,
    messages,
    get concurrencySeen() {
      return concurrencySeen;
    },
    get connectionCount() {
      return connectionCount;
    },
    async goAway() {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
    async comeBack() {
      await listen(port);
    },
  };

  async function listen(onPort: number): Promise<void> {
    server = createServer((socket) => void serve(socket));
    await new Promise<void>((resolve) => server.listen(onPort, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  }

  async function serve(socket: Socket): Promise<void> {
    connectionCount++;
    sockets.add(socket);
    socket.on("error", () => {});
    let sending = false;
    const ended = () => {
      concurrency -= sending ? 1 : 0;
      sending = false;
    };
    socket.on("close", () => {
      sockets.delete(socket);
      ended();
    });

    async function answer(stage: SmtpStage, line: string): Promise<string | undefined> {
      const scripted = mailServer.script(stage, line);
      if (scripted === "close") {
        socket.destroy();
        return undefined;
      }
      const reply = typeof scripted === "string" ? scripted : usual[stage];
      await scripted;
      if (socket.destroyed) {
        return undefined;
      }
      socket.write(`${reply}\r\n`);
      return reply;
    }

    let message: string[] | undefined;
    let rest = "";
    try {
      await answer("greeting", "");
      for await (const chunk of socket.setEncoding("utf8")) {
        const lines = (rest + chunk).split("\r\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (message !== undefined && line !== ".") {
            message.push(line);
            continue;
          }
          if (message !== undefined) {
            const text = message.join("\n");
            message = undefined;
            const reply = await answer("message", text);
            // This server accepts a message even if its reply is lost.
            if (reply === undefined || reply.startsWith("2")) {
              messages.push(text);
            }
            ended();
            continue;
          }
          const verb = line.split(" ")[0]?.toUpperCase() as SmtpStage | "QUIT";
          if (verb === "QUIT") {
            socket.end("221 bye\r\n");
            continue;
          }
          if (verb === "MAIL") {
            sending = true;
            concurrencySeen = Math.max(concurrencySeen, ++concurrency);
          }
          const reply = await answer(verb, line);
          if (verb === "DATA" && reply?.startsWith("354")) {
            message = [];
          } else if (verb === "RSET" || (reply !== undefined && /^[45]/.test(reply))) {
            ended();
          }
        }
      }
    } catch {
      // The connection was cut.
    }
  }

  await listen(0);
  return mailServer;
}

/** The Message-ID of a message. */
export function messageIdOf(message: string): string {
  return /^Message-ID: <([^@>]+)@/im.exec(message)?.[1] ?? "";
}
