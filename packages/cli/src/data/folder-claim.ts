import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { FileLock } from "./file-lock.ts";

/** The record of a stack that runs a service in a data folder. */
export interface StackRecord {
  /** Unique for each start. */
  readonly stack: string;
  readonly pid: number;
  readonly command: string;
  readonly portOffset: number;
}

/** Another stack owns the data folder. */
export class DataFolderInUseError extends Error {
  readonly services: readonly string[];
  readonly owner: StackRecord | undefined;
  constructor(folder: string, services: readonly string[], owner: StackRecord | undefined) {
    const who = owner === undefined ? "another stack" : `process ${owner.pid} (${owner.command})`;
    const what = services.length === 0 ? "is starting" : `runs ${services.join(", ")}`;
    super(`The data folder ${folder} is in use: ${who} ${what} with it.`);
    this.name = "DataFolderInUseError";
    this.services = services;
    this.owner = owner;
  }
}

export interface ClaimOptions {
  /** The services that start now. */
  readonly services: readonly ServiceDefinition[];
  /** Every service: another of them may run in the folder already. */
  readonly all: readonly ServiceDefinition[];
  readonly record: StackRecord;
}

/** Held while checking or taking other locks: checking a lock means taking it for a moment. */
const gateFile = "start.lock";
/** The time that another start may hold the folder while it claims services, in milliseconds: claiming takes a few. */
const gateWaitMs = 10_000;

/**
 * A stack's claim on the services that it runs in a data folder: a lock for each, so that no two processes run one service on
 * one database, and no process deletes a database in use. One stack is one port offset: another stack with another offset
 * is refused even for other services. A service that ended may be restarted beside the rest of its stack.
 */
export class FolderClaim {
  readonly #folder: string;
  readonly #record: StackRecord;
  readonly #locks: Map<string, FileLock>;
  /** The stack that ran these services before and still runs others, if any. */
  readonly restartedFor: StackRecord | undefined;

  private constructor(folder: string, { record, locks, restartedFor }: Claimed) {
    this.#folder = folder;
    this.#record = record;
    this.#locks = locks;
    this.restartedFor = restartedFor;
  }

  /**
   * Takes the locks of the services. Services without a database need none.
   * @throws DataFolderInUseError with the process that owns one of them, or that owns another with other ports.
   */
  static async take(dataFolder: string, { services, all, record }: ClaimOptions): Promise<FolderClaim> {
    const folder = join(dataFolder, "locks");
    await mkdir(folder, { recursive: true });
    const gate = await FileLock.acquire(join(folder, gateFile), { waitMs: gateWaitMs });
    const locks = new Map<string, FileLock>();
    try {
      if (gate === undefined) {
        throw new DataFolderInUseError(dataFolder, [], undefined);
      }
      const others = await runningIn(folder, all);
      const keepsData = ({ database }: ServiceDefinition) => database;
      const rivals = others.filter(
        ({ service, owner }) =>
          service.database &&
          (services.includes(service) || (owner?.portOffset !== record.portOffset && services.some(keepsData))),
      );
      const [rival] = rivals;
      if (rival !== undefined) {
        const names = rivals
          .filter(({ owner }) => owner?.stack === rival.owner?.stack)
          .map(({ service }) => service.name);
        throw new DataFolderInUseError(dataFolder, names, rival.owner);
      }
      const before = await Promise.all(services.map(({ name }) => readRecord(folder, name)));
      for (const { name } of services) {
        const lock = FileLock.tryAcquire(lockFile(folder, name));
        if (lock !== undefined) {
          locks.set(name, lock);
          await writeFile(recordFile(folder, name), JSON.stringify(record));
        }
      }
      const [first] = before;
      const isRestart =
        first !== undefined &&
        before.every((one) => one?.stack === first.stack) &&
        others.some(({ owner }) => owner?.stack === first.stack);
      return new FolderClaim(folder, { record, locks, restartedFor: isRestart ? first : undefined });
    } catch (error) {
      for (const lock of locks.values()) {
        lock.release();
      }
      throw error;
    } finally {
      gate?.release();
    }
  }

  /** Releases a service that has ended. Its record remains: a restart reads its stack from it. */
  releaseService(service: string): void {
    this.#locks.get(service)?.release();
    this.#locks.delete(service);
  }

  /** Locks a released service again. False if another stack has locked it meanwhile. */
  async reclaim(service: string): Promise<boolean> {
    if (this.#locks.has(service)) {
      return true;
    }
    const lock = FileLock.tryAcquire(lockFile(this.#folder, service));
    if (lock === undefined) {
      return false;
    }
    this.#locks.set(service, lock);
    await writeFile(recordFile(this.#folder, service), JSON.stringify(this.#record));
    return true;
  }

  /** Releases everything, and deletes this stack's records. */
  async release(all: readonly ServiceDefinition[]): Promise<void> {
    for (const { name } of all) {
      if ((await readRecord(this.#folder, name))?.stack === this.#record.stack) {
        await rm(recordFile(this.#folder, name), { force: true });
      }
    }
    for (const name of [...this.#locks.keys()]) {
      this.releaseService(name);
    }
  }

  /** Whether a stack still runs a service in the folder. Also true while another start holds the folder. */
  async isRunning({ stack }: StackRecord, all: readonly ServiceDefinition[]): Promise<boolean> {
    const gate = FileLock.tryAcquire(join(this.#folder, gateFile));
    try {
      return gate === undefined || (await runningIn(this.#folder, all)).some(({ owner }) => owner?.stack === stack);
    } finally {
      gate?.release();
    }
  }
}

interface Claimed {
  readonly record: StackRecord;
  readonly locks: Map<string, FileLock>;
  readonly restartedFor: StackRecord | undefined;
}

interface RunningService {
  readonly service: ServiceDefinition;
  readonly owner: StackRecord | undefined;
}

/** The locked services, and their owners. */
async function runningIn(folder: string, all: readonly ServiceDefinition[]): Promise<readonly RunningService[]> {
  const running: RunningService[] = [];
  for (const service of all) {
    const lock = FileLock.tryAcquire(lockFile(folder, service.name));
    if (lock === undefined) {
      running.push({ service, owner: await readRecord(folder, service.name) });
    }
    lock?.release();
  }
  return running;
}

async function readRecord(folder: string, service: string): Promise<StackRecord | undefined> {
  try {
    return JSON.parse(await readFile(recordFile(folder, service), "utf8")) as StackRecord;
  } catch {
    // The record is missing, or incomplete after a crash. The lock decides; the record only names the owner.
    return undefined;
  }
}

function lockFile(folder: string, service: string): string {
  return join(folder, `${service}.lock`);
}

function recordFile(folder: string, service: string): string {
  return join(folder, `${service}.json`);
}
