import type { Life } from "./life.ts";

/**
 * Reports that a process reached a point where it may crash: just before or after a commit, a call or a response. After the
 * return, the process may be dead.
 */
export type PassPoint = (life: Life, name: string) => void;
