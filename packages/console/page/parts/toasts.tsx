import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icons.tsx";

interface Toast {
  readonly id: number;
  readonly kind: "note" | "bad";
  readonly content: ComponentChildren;
}

/** The most shown at once; the oldest goes first. */
const toastsMax = 4;
/** How long one stays, in milliseconds: long enough to read two lines. Failures stay until they are closed. */
const toastMs = 7_000;

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Says something in passing. */
export function tell(content: ComponentChildren, kind: Toast["kind"] = "note"): void {
  const id = ++lastId;
  toasts.value = [...toasts.value, { id, kind, content }].slice(-toastsMax);
  if (kind === "note") {
    setTimeout(() => close(id), toastMs);
  }
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, content }) => (
        <div key={id} class={`toast ${kind}`}>
          <div>{content}</div>
          <button type="button" class="button quiet icon" aria-label="Close" onClick={() => close(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
