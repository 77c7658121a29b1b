import type { CommitPoint } from "@parley/store/testing";
import { type CrashableDatabase, createCrashableDatabase, createCrashableFile } from "@parley/store/testing";
import type { Faults } from "./faults.ts";
import type { Randomness } from "./randomness.ts";
import type { Seams, ServiceName } from "./seams.ts";
import { migrationsOf } from "./services.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/**
 * The storage of a world's databases. `memory`: a commit is durable at once. `files`: a commit is durable after fsync, and a
 * power failure loses unsynced data.
 */
export type DiskKind = "memory" | "files";

export interface DisksOptions {
  readonly kind: DiskKind;
  readonly time: SimulatedTime;
  readonly random: Randomness;
  /** The current faults. */
  readonly faults: () => Faults;
  readonly seams: Seams;
  readonly atPoint: (service: ServiceName, point: CommitPoint) => void;
  /** Called when the disk fails under a service, which must restart. */
  readonly onFailed: (service: ServiceName) => void;
}

/** Creates the disk of a service. */
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
