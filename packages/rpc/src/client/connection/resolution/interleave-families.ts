/** The same addresses with IPv6 and IPv4 in turn, beginning with the family that came first (RFC 8305, section 4). */
export function interleaveFamilies<T extends { readonly family: number }>(addresses: readonly T[]): readonly T[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return addresses.map((_, index) => {
    const paired = Math.min(first.length, second.length) * 2;
    if (index < paired) {
      return (index % 2 === 0 ? first : second)[index >> 1] as T;
    }
    return (first.length > second.length ? first : second)[index - paired / 2] as T;
  });
}
