import { eventBugs } from "./event-bugs.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { stockBugs } from "./stock-bugs.ts";

export type { PlantedBug } from "./planted-bug.ts";

/** All planted bugs. */
export const plantedBugs: readonly PlantedBug[] = [...stockBugs, ...eventBugs];
