import type { CommitPoint } from "@parley/store/testing";
import { type CrashableDatabase, createCrashableDatabase, createCrashableFile } from "@parley/store/testing";
import type { Faults } from "./faults.ts";
import type { Randomness } from "./randomness.ts";
import type { Seams, ServiceName } from "./seams.ts";
import { migrationsOf } from "./services.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/**
 * What the databases of a world lie on: `memory`, where a commit is durable at once, or `files`, which have to be waited for, and lose with
 * the power what was not.
 */
export type DiskKind = "memory" | "files";

export interface DisksOptions {
  readonly kind: DiskKind;
  readonly time: SimulatedTime;
  readonly random: Randomness;
  /** The faults of this moment. */
  readonly faults: () => Faults;
  readonly seams: Seams;
  readonly atPoint: (service: ServiceName, point: CommitPoint) => void;
  /** The disk failed under the service, which has to start again. */
  readonly onFailed: (service: ServiceName) => void;
}

/** Makes the disk of a service. */
export function createDisk(service: ServiceName, options: DisksOptions): CrashableDatabase {
  const { kind, time, faults, seams, atPoint, onFailed } = options;
  const random = options.random.fork(`disk ${service}`);
  const toss = random.fork("schedule");
  const schedule = (callback: () => void) => void time.after(faults().diskMsMax * toss.next(), callback);
  const common = {
    migrations: seams.migrations?.(service, migrationsOf[service]) ?? migrationsOf[service],
    clock: time,
    schedule,
    atPoint: (point: CommitPoint) => atPoint(service, point),
  };
  if (kind === "memory") return createCrashableDatabase(common);
  return createCrashableFile({
    ...common,
    diskSchedule: schedule,
    diskFails: () => random.chance(faults().diskFailure),
    powerFails: () => random.chance(0.5),
    syncedPath: (path) => seams.syncedPath?.(path) ?? path,
    onFailed: () => onFailed(service),
  });
}
