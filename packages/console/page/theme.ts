import { effect, signal } from "@preact/signals";
import { remembered } from "./parts/remembered.ts";

export type Theme = "system" | "light" | "dark";

const key = "parley.theme";

/** The selected theme. `system` follows the operating system. */
export const theme = signal<Theme>(remembered<Theme>(key, "system", ["system", "light", "dark"]));

/** Applies the theme to the document, now and on each change. */
export function applyTheme(): void {
  effect(() => {
    const { value } = theme;
    if (value === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = value;
    }
    localStorage.setItem(key, value);
  });
}

export function nextTheme(): void {
  const order: readonly Theme[] = ["system", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? "system";
}
