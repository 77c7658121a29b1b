import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Kafka node for a test: broker and controller in one process (KRaft), on free ports, with its own folder. */
export interface TestKafka {
  /** `kafka://127.0.0.1:port`. */
  readonly url: string;
  /** Kills it. Its data are kept. */
  kill(): Promise<void>;
  /** Starts it again with its data. */
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  dispose(): Promise<void>;
}

/** How long a JVM may take to start on a busy machine, in milliseconds. */
const startMaxMs = 300_000;

/** The folder with Kafka's jars, which `npm run test:kafka` fetches. Undefined without it or without Java. */
export function findKafka(): string | undefined {
  const libs = process.env.PARLEY_KAFKA_LIBS;
  if (libs === undefined || !existsSync(libs)) {
    return undefined;
  }
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    return libs;
  } catch {
    return undefined;
  }
}

/** A Kafka whose folder is prepared, not running yet. */
export interface PreparedKafka {
  readonly port: number;
  /** The arguments of `java` that run it. */
  readonly args: readonly string[];
  /** Whether it accepts connections. */
  listens(): Promise<boolean>;
}

/** Prepares a node in a folder, on free ports. */
export async function prepareKafka(libs: string, folder: string): Promise<PreparedKafka> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(folder, "server.properties");
  writeFileSync(properties, serverProperties({ port, controllerPort, logs: join(folder, "logs") }));
  const java = (main: string, ...words: string[]) => ["-Xmx512m", "-cp", `${libs}/*`, main, ...words];
  const clusterId = Buffer.from("parley-test-0001").toString("base64url");
  execFileSync("java", java("kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties), {
    stdio: "ignore",
  });
  return { port, args: java("kafka.Kafka", properties), listens: () => listens(port) };
}

export async function startTestKafka(libs: string): Promise<TestKafka> {
  const folder = mkdtempSync(join(tmpdir(), "parley-kafka-"));
  const { port, args } = await prepareKafka(libs, folder);
  let server: ChildProcess | undefined;

  async function start() {
    server = spawn("java", args, { stdio: "ignore" });
    const untilMs = performance.now() + startMaxMs;
    while (!(await listens(port))) {
      if (server.exitCode !== null || performance.now() > untilMs) {
        throw new Error(`Kafka did not start (exit code ${server.exitCode})`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function kill() {
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    }
  }

  await start();
  return {
    url: `kafka://127.0.0.1:${port}`,
    kill,
    start,
    async dispose() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serverProperties({ port, controllerPort, logs }: { port: number; controllerPort: number; logs: string }) {
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": logs,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": false,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}
