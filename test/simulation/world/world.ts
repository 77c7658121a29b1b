import type { Transport } from "@connectrpc/connect";
import { newUuidV7, sleep } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { type CrashableDatabase, createCrashableDatabase } from "@parley/store/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { earlierRelease } from "./earlier-release.ts";
import { failingDatabase } from "./failing-database.ts";
import { type Faults, noFaults } from "./faults.ts";
import { createHistory, type History } from "./history.ts";
import { Life } from "./life.ts";
import { createMail, type Mail } from "./mail.ts";
import { createNetwork } from "./network.ts";
import type { PassPoint } from "./points.ts";
import { createRandomness, type Randomness } from "./randomness.ts";
import { type Seams, type ServiceName, serviceNames } from "./seams.ts";
import { makeService, migrationsOf } from "./services.ts";
import { createSimulatedTime, type SimulatedTime } from "./simulated-time.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Default: none. */
  readonly faults?: Faults;
  readonly seams?: Seams;
  /** Asked at each numbered point whether the process ends there. Default: as often as the faults say. */
  readonly endsAt?: (point: Point) => boolean;
}

/** A place in a run where a process may end. */
export interface Point {
  /** Counts the points of a run, from 1 on. */
  readonly number: number;
  readonly life: Life;
  readonly name: string;
}

/** All services, what lies between them, and what befalls them. */
export interface World {
  readonly time: SimulatedTime;
  readonly random: Randomness;
  readonly history: History;
  readonly disks: Readonly<Record<ServiceName, CrashableDatabase>>;
  readonly mail: Mail;
  /** Whether no message is under way and every service is up. */
  readonly isQuiet: boolean;
  /** Starts every service. */
  start(): void;
  /** The way from outside to a service. */
  connect(caller: Life, service: ServiceName): Transport;
  /** Ends what befalls the services. What is down is started again soon. */
  heal(): void;
  /** Gives the memory back. */
  dispose(): void;
}

/** How long a process that ended stays away at most, in milliseconds. */
const downMsMax = 3_000;

/** How long a process whose disk failed stays up at most, in milliseconds. */
const brokenMsMax = 100;

/** How long a process that is told to stop finishes what it has before it goes, in milliseconds. */
const drainMs = 300;

interface Running {
  readonly life: Life;
  /** Once it is made. */
  readonly module?: ServiceModule;
}

// Nobody reads them, and making them anew for each process would take longer than everything else.
const log = pino({ level: "silent" });
const metrics = new Registry();

export function createWorld({ seed, faults = noFaults, seams = {}, endsAt }: WorldOptions): World {
  const time = createSimulatedTime();
  const history = createHistory(time);
  const random = createRandomness(seed);
  const draws = {
    points: random.fork("points"),
    crashes: random.fork("crashes"),
    releases: random.fork("releases"),
    ids: random.fork("ids"),
  };
  const [toss, stores, turns] = [random.fork("schedule"), random.fork("stores"), random.fork("turns")];
  const running = new Map<ServiceName, Running>();
  const leaving = new Set<Life>();
  let current = faults;
  let pointCount = 0;

  const passPoint: PassPoint = (life, name) => {
    if (!life.isAlive || !isServiceName(life.name)) return;
    const point = { number: ++pointCount, life, name };
    const ends = endsAt === undefined ? draws.points.chance(current.crashAtPoint) : endsAt(point);
    if (ends) crash(life.name, `point ${point.number}: ${name}`);
  };
  const network = createNetwork({ time, random: random.fork("network"), history, faults: () => current, passPoint });
  const mail = createMail({ random: random.fork("mail"), history, faults: () => current, passPoint });
  const disks = Object.fromEntries(
    serviceNames.map((service) => [service, createDisk(service)]),
  ) as unknown as World["disks"];

  function createDisk(service: ServiceName): CrashableDatabase {
    return createCrashableDatabase({
      migrations: seams.migrations?.(service, migrationsOf[service]) ?? migrationsOf[service],
      clock: time,
      schedule: (callback) => time.after(current.diskMsMax * toss.next(), callback),
      atPoint(point) {
        // Until the commit nothing is durable: one point before it says as much as several.
        const life = running.get(service)?.life;
        if (life !== undefined && (point === "commit" || point === "committed")) passPoint(life, point);
      },
    });
  }

  async function start(service: ServiceName): Promise<void> {
    const life = new Life(service, time);
    running.set(service, { life });
    history.note(`${service} starts`);
    const { clock } = life;
    const next = () => draws.ids.next();
    const environment = { clock, random: next, newId: newUuidV7({ clock, random: next }), log, metrics };
    const opened = await disks[service].open();
    const failing = failingDatabase(opened, {
      isFull: () => stores.chance(current.storeFailure),
      breaks: () => stores.chance(current.diskFailure),
      broke() {
        history.note(`${service}'s disk fails`);
        clock.after(brokenMsMax * stores.next(), () => crash(service, "its disk failed"));
      },
    });
    const connect = (server: ServiceName) => network.connect(life, server);
    const database = seams.database?.(failing, { service, life, environment, connect }) ?? failing;
    const parts = { service, life, environment, database, connect };
    const nextTurn = (callback: () => void) => void clock.after(current.turnMsMax * turns.next(), callback);
    const made = makeService[service]({ ...parts, channel: mail.channel(life), seams, nextTurn });
    const seamed = seams.module?.(made, parts) ?? made;
    const module = draws.releases.chance(current.earlierRelease) ? earlierRelease(seamed) : seamed;
    running.set(service, { life, module });
    try {
      await module.start?.();
    } catch (error) {
      // Its disk was full, say: whoever runs it starts it again.
      if (life.isAlive) crash(service, `it could not start: ${error}`);
      return;
    }
    if (life.isAlive) network.serve(life, connectInMemory(module, environment));
  }

  function crash(service: ServiceName, why: string): void {
    history.note(`${service} ends (${why})`);
    running.get(service)?.life.end();
    disks[service].crash();
    time.after(downMsMax * draws.crashes.next() ** 2, () => void start(service));
  }

  /** Ends a process as a new release does: it takes nothing new, finishes what it has, and goes. */
  async function restart(service: ServiceName): Promise<void> {
    const { life, module } = running.get(service) ?? {};
    if (life?.isAlive !== true || module === undefined || leaving.has(life)) return;
    leaving.add(life);
    history.note(`${service} is told to stop`);
    network.close(life);
    await sleep(life.clock, drainMs);
    await module.stop?.();
    if (life.isAlive) crash(service, "as it was told to");
  }

  function crashNowAndThen(): void {
    const { crashesPerSecond } = current;
    if (crashesPerSecond === 0) return;
    time.after((-1000 * Math.log(1 - draws.crashes.next())) / crashesPerSecond, () => {
      if (current.crashesPerSecond === 0) return;
      const service = draws.crashes.pick(serviceNames);
      if (draws.crashes.chance(0.3)) void restart(service);
      else if (running.get(service)?.life.isAlive === true) crash(service, "out of the blue");
      crashNowAndThen();
    });
  }

  return {
    time,
    random,
    history,
    disks,
    mail,
    get isQuiet() {
      const isUp = ({ life }: Running) => life.isAlive && !leaving.has(life);
      return network.underWay === 0 && [...running.values()].every(isUp);
    },
    start() {
      for (const service of serviceNames) void start(service);
      crashNowAndThen();
    },
    connect: network.connect,
    heal() {
      history.note("the world heals");
      current = noFaults;
    },
    dispose() {
      for (const disk of Object.values(disks)) disk.dispose();
    },
  };
}

function isServiceName(name: string): name is ServiceName {
  return serviceNames.some((known) => known === name);
}
