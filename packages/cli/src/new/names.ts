import { UsageError } from "../outcome/usage-error.ts";

/** A service's name in every spelling that code, contracts, SQL and prose need. The keys are the placeholders of the templates. */
export interface Names {
  /** `gift-card` */
  readonly name: string;
  /** `gift-cards` */
  readonly names: string;
  /** `GiftCard` */
  readonly Name: string;
  /** `GiftCards` */
  readonly Names: string;
  /** `giftCard` */
  readonly value: string;
  /** `giftCards` */
  readonly values: string;
  /** `gift_card` */
  readonly field: string;
  /** `gift_cards` */
  readonly fields: string;
  /** `GIFT_CARD` */
  readonly NAME: string;
  /** `gift card` */
  readonly words: string;
  /** `gift cards` */
  readonly wordsPlural: string;
  /** `a`, or `an` before a vowel. */
  readonly article: string;
  /** {@link article} at the beginning of a sentence. */
  readonly Article: string;
}

/** Long enough for every sensible name, and short enough for file names and SQL. */
const nameLengthMax = 40;

/**
 * The spellings of a service's name.
 * @throws UsageError if it is not kebab-case, too long, a plural, a reserved word, or ends with `-service`.
 */
export function namesOf(name: string): Names {
  if (!/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/.test(name)) {
    const suggestion = kebabCase(name);
    const example = /^[a-z]/.test(suggestion) ? suggestion : "gift-card";
    throw new UsageError(
      `The service's name "${name}" is not in kebab-case: use lower-case words joined by "-", for example ${example}.`,
    );
  }
  if (name.length > nameLengthMax) {
    throw new UsageError(`The service's name has ${name.length} characters; at most ${nameLengthMax} are allowed.`);
  }
  if (/-?service$/.test(name)) {
    throw new UsageError(`Leave "service" out of the name "${name}": it is added to the contract's service.`);
  }
  const parts = name.split("-");
  const partsPlural = [...parts.slice(0, -1), plural(parts.at(-1) ?? "")];
  const names = spellings(parts);
  if (isReserved(names.value) || names.Name in globalThis) {
    throw new UsageError(`"${name}" is a word of JavaScript and cannot name a service. Choose another name.`);
  }
  const article = /^[aeiou]/.test(name) ? "an" : "a";
  return {
    ...names,
    names: partsPlural.join("-"),
    Names: spellings(partsPlural).Name,
    values: spellings(partsPlural).value,
    fields: partsPlural.join("_"),
    wordsPlural: partsPlural.join(" "),
    article,
    Article: capital(article),
  };
}

/** `PascalCase`, `camelCase` and `snake_case` in kebab-case. */
export function kebabCase(text: string): string {
  const words = text.replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2").match(/[A-Za-z0-9]+/g) ?? [];
  return words.join("-").toLowerCase();
}

/** The plural of an English noun, as far as names of services need it. */
export function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) {
    return `${noun.slice(0, -1)}ies`;
  }
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function spellings(parts: readonly string[]): Pick<Names, "name" | "Name" | "value" | "field" | "NAME" | "words"> {
  const Name = parts.map(capital).join("");
  return {
    name: parts.join("-"),
    Name,
    value: Name.charAt(0).toLowerCase() + Name.slice(1),
    field: parts.join("_"),
    NAME: parts.join("_").toUpperCase(),
    words: parts.join(" "),
  };
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Whether JavaScript's grammar reserves the word (ECMA-262, section 12.7.2). */
function isReserved(word: string): boolean {
  try {
    // Parsed as code of a module, where `await` is reserved, too.
    new Function(`"use strict"; async () => { const ${word} = 0; };`);
    return false;
  } catch {
    return true;
  }
}
