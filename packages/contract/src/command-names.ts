import type { DescMethod, DescService } from "@bufbuild/protobuf";

/**
 * The name of a method as a command, without the noun that most methods of its service end with: `CreateOrder` of the order service is `create`, and
 * `SendTestNotification` is `send-test`. `ListDeadLetters`, with another noun, is `list-dead-letters`, and a single word, `Echo`, is `echo`.
 */
export function commandNameOf(method: DescMethod): string {
  const noun = nounOf(method.parent);
  const words = wordsOf(method.name);
  const verb = singular(words.at(-1) ?? "") === noun && words.length > 1 ? words.slice(0, -1) : words;
  return verb.join("-");
}

/** The word, in the singular, that most methods of a service end with. */
function nounOf(service: DescService): string {
  const counts = new Map<string, number>();
  for (const method of service.methods) {
    const noun = singular(wordsOf(method.name).at(-1) ?? "");
    counts.set(noun, (counts.get(noun) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  return most?.[0] ?? "";
}

function wordsOf(name: string): readonly string[] {
  return name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}

/** The singular of an English plural, as far as the contracts need it: `users`, `addresses`, `categories`. */
export function singular(word: string): string {
  if (word.endsWith("ies")) {
    return `${word.slice(0, -3)}y`;
  }
  if (/(ss|x|ch|sh)es$/.test(word)) {
    return word.slice(0, -2);
  }
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}
