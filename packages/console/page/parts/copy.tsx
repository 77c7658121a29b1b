import { tell } from "./toasts.tsx";

/** Copies a text, also where the page came over cleartext HTTP from another machine and has no clipboard. */
export async function copyText(text: string, told: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  tell(told);
}
