/** Rows of the short form that fail on some machines, each with the reason. A fix removes its line. */
export const knownOpen: Readonly<Record<string, string>> = {};
