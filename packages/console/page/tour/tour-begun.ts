import { signal } from "@preact/signals";

/** Whether a tour was started in this tab: only then other views load its code. */
export const tourBegun = signal(false);
