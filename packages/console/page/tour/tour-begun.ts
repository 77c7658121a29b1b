import { signal } from "@preact/signals";

/** Whether a tour was begun in this tab: only then its code is needed outside of its view. */
export const tourBegun = signal(false);
