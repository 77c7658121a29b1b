/** Units of one product, as a buyer asks for them. */
export interface OrderLine {
  readonly productId: string;
  readonly quantity: number;
}

/** The lines with those of the same product added up, in the order in which each product first appears. */
export function addUp(lines: readonly OrderLine[]): readonly OrderLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  if (quantities.size === lines.length) return lines.map(({ productId, quantity }) => ({ productId, quantity }));
  return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }));
}

/** Whether both, each added up before, ask for the same. The order of the lines does not matter. */
export function sameLines(some: readonly OrderLine[], others: readonly OrderLine[]): boolean {
  if (some.length !== others.length) return false;
  const quantities = new Map(some.map(({ productId, quantity }) => [productId, quantity]));
  return others.every(({ productId, quantity }) => quantities.get(productId) === quantity);
}
