/** The operations on a process of a running stack. */
export const processVerbs = [
  ["start", "Starts a stopped process of the running stack."],
  ["stop", "Drains and stops a process of the running stack."],
  ["kill", "Kills a process of the running stack (SIGKILL)."],
  ["pause", "Suspends a process of the running stack (SIGSTOP)."],
  ["resume", "Resumes a suspended process of the running stack (SIGCONT)."],
  ["restart", "Drains, stops and starts a process of the running stack."],
] as const;

export type ProcessVerb = (typeof processVerbs)[number][0];
