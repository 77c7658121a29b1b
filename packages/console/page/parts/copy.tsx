import { tell } from "./toasts.tsx";

/** Copies text. Also works on a page loaded over cleartext HTTP from another machine, which has no clipboard API. */
export async function copyText(text: string, message: string): Promise<void> {
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
  tell(message);
}
