import type { Transport } from "@connectrpc/connect";
import { newUuidV7, sleep } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import type { CrashableDatabase } from "@parley/store/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createDisk, type DiskKind, type DisksOptions } from "./disks.ts";
import { earlierRelease } from "./earlier-release.ts";
import { failingDatabase } from "./failing-database.ts";
import { type Failover, type LostTail, planFailover } from "./failover.ts";
import { type Faults, noFaults, pauseMsMax } from "./faults.ts";
import { createHistory, type History } from "./history.ts";
import { Life } from "./life.ts";
import { createMail, type Mail } from "./mail.ts";
import { createNetwork } from "./network.ts";
import type { PassPoint } from "./points.ts";
import { createRandomness, type Randomness } from "./randomness.ts";
import { type ProcessName, type Seams, type ServiceName, serviceNames, serviceOf } from "./seams.ts";
import { makeService } from "./services.ts";
import { connectionTo } from "./shared-database.ts";
import { createSimulatedTime, type SimulatedTime } from "./simulated-time.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Default: none. */
  readonly faults?: Faults;
  readonly seams?: Seams;
  /** The services with two processes, which share one database server. Default: none, each process has its own database. */
  readonly replicated?: readonly ServiceName[];
  /** A failover of the server with all databases, if every service has two processes. Default: none. */
  readonly failover?: Failover | undefined;
  /** Default: `memory`. */
  readonly diskKind?: DiskKind;
  /** Called at each numbered point: whether the process crashes there. Default: as the faults decide. */
  readonly endsAt?: (point: Point) => boolean;
}

/** A point in a run where a process may crash. */
export interface Point {
  /** The number of the point in its run, starting at 1. */
  readonly number: number;
  readonly life: Life;
  readonly name: string;
}

/** All services, their network and their faults. */
export interface World {
  readonly time: SimulatedTime;
  readonly random: Randomness;
  readonly history: History;
  readonly disks: Readonly<Record<ServiceName, CrashableDatabase>>;
  readonly mail: Mail;
  /** The most by which the wall clock of a process was ever wrong, in milliseconds. */
  readonly clockErrorMs: number;
  /** What a failover lost. Undefined without one, and before it. */
  readonly lostTail: LostTail | undefined;
  /** Whether a process was started before the failover. */
  isBeforeFailover(life: Life): boolean;
  /** Calls back when a failover has lost commits. */
  onLostTail(callback: (lost: LostTail) => void): void;
  /** Whether no message is in flight and every service is running. */
  readonly isQuiet: boolean;
  /** Starts every service. */
  start(): void;
  /** An external client's transport to a service. */
  connect(caller: Life, service: ServiceName): Transport;
  /** Ends all faults. Crashed processes restart soon. */
  heal(): void;
  /** Releases the memory. */
  dispose(): void;
}

/** The longest time until a crashed process restarts, in milliseconds. */
const downMsMax = 3_000;

/** The longest time that a process runs after its disk failed, in milliseconds. */
const brokenMsMax = 100;

/** The drain time of a process that was asked to stop, in milliseconds. */
const drainMs = 300;

/** How far a standby of its own may lag behind the others, in milliseconds. */
const extraLagMsMax = 2_000;

interface Running {
  readonly life: Life;
  /** Set once it is created. */
  readonly module?: ServiceModule;
}

// Nothing reads them, and creating them for each process would dominate the run time.
const log = pino({ level: "silent" });
const metrics = new Registry();

export function createWorld(options: WorldOptions): World {
  const { seed, faults = noFaults, seams = {}, replicated = [], failover, diskKind = "memory", endsAt } = options;
  const secondNames = replicated.map((service) => `${service}-2` as const);
  const processNames: readonly ProcessName[] = [...serviceNames, ...secondNames];
  const time = createSimulatedTime();
  const history = createHistory(time);
  const random = createRandomness(seed);
  const draws = {
    points: random.fork("points"),
    crashes: random.fork("crashes"),
    releases: random.fork("releases"),
    ids: random.fork("ids"),
  };
  const [stores, turns] = [random.fork("stores"), random.fork("turns")];
  const [servers, clocks, pauses] = [random.fork("servers"), random.fork("clocks"), random.fork("pauses")];
  const running = new Map<ProcessName, Running>();
  const shared = new Map<ServiceName, Promise<Database>>();
  const stopping = new Set<Life>();
  let current = faults;
  let pointCount = 0;
  let clockErrorMs = 0;
  let lostTail: LostTail | undefined;
  const livesBefore = new WeakSet<Life>();
  const lostTailListeners: ((lost: LostTail) => void)[] = [];

  const passPoint: PassPoint = (life, name) => {
    if (!life.isAlive || serviceOf(life.name) === undefined) return;
    const point = { number: ++pointCount, life, name };
    const ends = endsAt === undefined ? draws.points.chance(current.crashAtPoint) : endsAt(point);
    if (ends) crash(life.name as ProcessName, `point ${point.number}: ${name}`);
  };
  const network = createNetwork({ time, random: random.fork("network"), history, faults: () => current, passPoint });
  const mail = createMail({ random: random.fork("mail"), history, faults: () => current, passPoint, isRunning });
  const disksOptions: DisksOptions = {
    kind: diskKind,
    time,
    random,
    faults: () => current,
    seams,
    atPoint(service, point) {
      // Nothing is durable before the commit, so one crash point before it is enough.
      const life = isShared(service) ? undefined : running.get(service)?.life;
      if (life !== undefined && (point === "commit" || point === "committed")) passPoint(life, point);
    },
    onFailed: (service) => diskFailed(service),
  };
  const disks = Object.fromEntries(
    serviceNames.map((service) => [
      service,
      createDisk(service, isShared(service) ? { ...disksOptions, kind: "memory" } : disksOptions),
    ]),
  ) as unknown as World["disks"];

  /** The disk failed under a process, which crashes soon. Only the next process can read what the disk really stored. */
  function diskFailed(processName: ProcessName): void {
    history.note(`${processName}'s disk fails`);
    const life = running.get(processName)?.life;
    time.after(brokenMsMax * stores.next(), () => {
      if (life?.isAlive === true) crash(processName, "its disk failed");
    });
  }

  /** Whether a service's database is a separate server, which survives the crash of a process. */
  function isShared(service: ServiceName): boolean {
    return replicated.includes(service);
  }

  function hasMemory(service: ServiceName): boolean {
    return diskKind === "memory" || isShared(service);
  }

  async function openDatabase(service: ServiceName, life: Life): Promise<Database> {
    if (!isShared(service)) return await disks[service].open();
    const server = shared.get(service) ?? disks[service].open();
    shared.set(service, server);
    const runsAgain = seams.passesOnSerializationFailures !== true;
    return connectionTo(await server, { life, time, random: servers, faults: () => current, passPoint, runsAgain });
  }

  async function start(processName: ProcessName): Promise<void> {
    const service = serviceOf(processName) as ServiceName;
    const life = new Life(processName, time);
    running.set(processName, { life });
    if (lostTail === undefined) livesBefore.add(life);
    history.note(`${processName} starts`);
    setClock(life);
    const { clock } = life;
    const next = () => draws.ids.next();
    const environment = { clock, random: next, newId: newUuidV7({ clock, random: next }), log, metrics };
    let opened: Database;
    try {
      opened = await openDatabase(service, life);
    } catch (error) {
      if (life.isAlive) crash(processName, `it could not open its database: ${error}`);
      return;
    }
    if (!life.isAlive) return;
    const failing = failingDatabase(opened, {
      isFull: () => stores.chance(current.storeFailure),
      // A file disk has its own failures.
      breaks: () => hasMemory(service) && stores.chance(current.diskFailure),
      broke: () => diskFailed(processName),
    });
    const connect = (server: ServiceName) => network.connect(life, server);
    const database = seams.database?.(failing, { service, life, environment, connect }) ?? failing;
    const parts = { service, life, environment, database, connect };
    const nextTurn = (callback: () => void) => void clock.after(current.turnMsMax * turns.next(), callback);
    const made = makeService[service]({ ...parts, channel: mail.channel(life), seams, nextTurn });
    const seamed = seams.module?.(made, parts) ?? made;
    const module = draws.releases.chance(current.earlierRelease) ? earlierRelease(seamed) : seamed;
    running.set(processName, { life, module });
    try {
      await module.start?.();
    } catch (error) {
      // For example, its disk was full: a supervisor restarts it.
      if (life.isAlive) crash(processName, `it could not start: ${error}`);
      return;
    }
    if (life.isAlive) network.serve(life, connectInMemory(module, environment));
  }

  function crash(processName: ProcessName, why: string): void {
    const service = serviceOf(processName) as ServiceName;
    history.note(`${processName} ends (${why})`);
    running.get(processName)?.life.end();
    if (!isShared(service)) disks[service].crash();
    time.after(downMsMax * draws.crashes.next() ** 2, () => void start(processName));
  }

  /** All services are stopped, the standby is promoted, and the services are started again. */
  function failOver(restore: () => void, lost: LostTail): void {
    history.note(`the database server fails over, and loses the commits of ${Math.round(lost.toMs - lost.fromMs)} ms`);
    lostTail = lost;
    for (const processName of processNames) {
      if (running.get(processName)?.life.isAlive === true) crash(processName, "the database server fails over");
    }
    if (seams.deliversAcrossFailover !== true) network.cutAll();
    for (const service of serviceNames) {
      disks[service].crash();
      shared.delete(service);
    }
    restore();
    for (const listener of lostTailListeners) listener(lost);
  }

  /** Stops a process as a rolling update does: it accepts no new calls, drains, and exits. */
  async function restart(processName: ProcessName): Promise<void> {
    const { life, module } = running.get(processName) ?? {};
    if (life?.isAlive !== true || module === undefined || stopping.has(life)) return;
    stopping.add(life);
    history.note(`${processName} gets SIGTERM`);
    network.close(life);
    await sleep(life.clock, drainMs);
    await module.stop?.();
    if (life.isAlive) crash(processName, "drained after SIGTERM");
  }

  function crashNowAndThen(): void {
    const { crashesPerSecond } = current;
    if (crashesPerSecond === 0) return;
    time.after((-1000 * Math.log(1 - draws.crashes.next())) / crashesPerSecond, () => {
      if (current.crashesPerSecond === 0) return;
      const processName = draws.crashes.pick(processNames);
      if (draws.crashes.chance(0.3)) void restart(processName);
      else if (running.get(processName)?.life.isAlive === true) crash(processName, "killed at a random time");
      crashNowAndThen();
    });
  }

  /** Only replicas have wrong clocks, and stop: the only process of a database shares no times with another one. */
  function setClock(life: Life): void {
    const service = serviceOf(life.name);
    if (service === undefined || !isShared(service) || current.clockSkewMsMax === 0) return;
    const skewMs = Math.round(current.clockSkewMsMax * (2 * clocks.next() - 1));
    clockErrorMs = Math.max(clockErrorMs, Math.abs(skewMs));
    life.setClock(skewMs);
    history.note(`${life.name}'s clock is wrong by ${skewMs} ms`);
  }

  function pause(life: Life): void {
    const pauseMs = pauseMsMax * pauses.next();
    life.pause();
    history.note(`${life.name} stops for ${Math.round(pauseMs)} ms`);
    time.after(pauseMs, () => {
      if (!life.isAlive) return;
      history.note(`${life.name} continues`);
      life.resume();
    });
  }

  function pauseNowAndThen(): void {
    const { pausesPerSecond } = current;
    if (pausesPerSecond === 0 || replicated.length === 0) return;
    time.after((-1000 * Math.log(1 - pauses.next())) / pausesPerSecond, () => {
      if (current.pausesPerSecond === 0) return;
      const life = running.get(pauses.pick([...replicated, ...secondNames]))?.life;
      if (life?.isAlive === true && !life.isPaused) {
        if (pauses.chance(0.3)) setClock(life);
        else pause(life);
      }
      pauseNowAndThen();
    });
  }

  function isRunning(life: Life): boolean {
    return life.isAlive && !stopping.has(life);
  }

  return {
    time,
    random,
    get clockErrorMs() {
      return clockErrorMs;
    },
    history,
    disks,
    mail,
    get isQuiet() {
      const isUp = ({ life }: Running) => isRunning(life) && !life.isPaused;
      return network.inFlight === 0 && [...running.values()].every(isUp);
    },
    start() {
      for (const processName of processNames) void start(processName);
      crashNowAndThen();
      pauseNowAndThen();
      if (failover !== undefined && serviceNames.every(isShared)) {
        const extraLagMs = seams.lagsApart === true ? () => extraLagMsMax * servers.next() : undefined;
        planFailover({ failover, time, disks, ...(extraLagMs && { extraLagMs }), onFailover: failOver });
      }
    },
    get lostTail() {
      return lostTail;
    },
    isBeforeFailover: (life) => lostTail !== undefined && livesBefore.has(life),
    onLostTail(callback) {
      lostTailListeners.push(callback);
    },
    connect: network.connect,
    heal() {
      history.note("all faults end");
      current = noFaults;
    },
    dispose() {
      for (const disk of Object.values(disks)) disk.dispose();
    },
  };
}
