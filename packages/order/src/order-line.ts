/** Units of one product, as the buyer orders them. */
export interface OrderLine {
  readonly productId: string;
  readonly quantity: number;
}

/** The lines, merged to one for each product, in the order of first appearance. */
export function addUp(lines: readonly OrderLine[]): readonly OrderLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  if (quantities.size === lines.length) return lines.map(({ productId, quantity }) => ({ productId, quantity }));
  return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }));
}

/** Whether both, each merged before, order the same. The order of the lines does not matter. */
export function sameLines(some: readonly OrderLine[], others: readonly OrderLine[]): boolean {
  if (some.length !== others.length) return false;
  const quantities = new Map(some.map(({ productId, quantity }) => [productId, quantity]));
  return others.every(({ productId, quantity }) => quantities.get(productId) === quantity);
}
