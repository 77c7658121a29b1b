import type { Life } from "./life.ts";

/**
 * Tells that a process is at a point where it may end: just before or after a commit, a call or an answer. If it ends there,
 * its life is over when this returns.
 */
export type PassPoint = (life: Life, name: string) => void;
