/**
 * The known name nearest to a misspelt one: the one with the fewest edits, at most a third of its letters.
 * Case, hyphens and underscores do not count. Undefined if none is near.
 */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const plainGiven = plain(given.slice(0, nameLengthMax));
  let nearest: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const edits = editDistance(plainGiven, plain(name));
    if (edits < fewest && edits <= Math.max(1, Math.floor(name.length / 3))) {
      fewest = edits;
      nearest = name;
    }
  }
  return nearest ?? onlyEnding(plainGiven, known);
}

/** Longer than any name of a contract: bounds the work for an invented name. */
const nameLengthMax = 100;

function plain(name: string): string {
  return name.replaceAll(/[_-]/g, "").toLowerCase();
}

/** `CONFIRMED` matches `ORDER_STATE_CONFIRMED`, and `id` matches `productId`, if no other name ends like that. */
function onlyEnding(plainGiven: string, known: readonly string[]): string | undefined {
  const ending = plainGiven.length < 2 ? [] : known.filter((name) => plain(name).endsWith(plainGiven));
  return ending.length === 1 ? ending[0] : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
