/**
 * One sentence about a field, for example "`items[0].quantity` must be from 1 to 10000; it is 0 or missing." An empty path is about the message as a
 * whole: the description is the sentence then.
 */
export function fieldSentence(path: string, description: string): string {
  const words = path === "" ? capitalized(description) : `\`${path}\` ${description}`;
  return /[.?!]$/.test(words) ? words : `${words}.`;
}

/** Text from a request as an error quotes it: enough to recognise it, too little to flood a log. */
export function quoteShortly(text: string): string {
  return JSON.stringify(text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}…` : text);
}

const quotedCharsMax = 100;

function capitalized(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
