/** The operations on a process of a running stack. */
export const processVerbs = [
  ["start", "Starts a process of the running stack that has ended."],
  ["stop", "Lets a process of the running stack finish its calls and end."],
  ["kill", "Ends a process of the running stack at once, as a crash does."],
  ["pause", "Stops a process of the running stack in the middle of what it does."],
  ["resume", "Lets a paused process of the running stack go on."],
  ["restart", "Ends a process of the running stack and starts it again."],
] as const;

export type ProcessVerb = (typeof processVerbs)[number][0];
