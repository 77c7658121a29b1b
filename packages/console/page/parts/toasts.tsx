import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icons.tsx";

interface Toast {
  readonly id: number;
  readonly kind: "note" | "bad";
  readonly content: ComponentChildren;
}

/** The maximum number of toasts shown. The oldest is removed first. */
const toastsMax = 4;
/** How long a toast is shown, in milliseconds: long enough to read two lines. Errors stay until they are closed. */
const toastMs = 7_000;

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Shows a toast. */
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
