import { batchBugs } from "./batch-bugs.ts";
import { eventBugs } from "./event-bugs.ts";
import { mailBugs } from "./mail-bugs.ts";
import { orderBugs } from "./order-bugs.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { replicaBugs } from "./replica-bugs.ts";
import { carefulReserve, stockBugs } from "./stock-bugs.ts";

export type { PlantedBug } from "./planted-bug.ts";
export { carefulReserve };

export const plantedBugs: readonly PlantedBug[] = [
  ...stockBugs,
  ...eventBugs,
  ...batchBugs,
  ...mailBugs,
  ...orderBugs,
  ...replicaBugs,
];
