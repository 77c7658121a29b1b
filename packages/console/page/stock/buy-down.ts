import { products } from "../live/products.ts";
import { tell } from "../parts/toasts.tsx";
import { newId, parley } from "../session/api.ts";
import { askToSignIn } from "../session/sign-in.tsx";
import { buyerId, quantityMax } from "../shop/basket-state.ts";

/** Orders enough units of a product for its stock to fall to the threshold, to trigger the alert. */
export async function buyDown(productId: string): Promise<void> {
  const product = products.value?.get(productId);
  if (product === undefined) {
    return;
  }
  if (buyerId.value === "") {
    askToSignIn();
    return;
  }
  let left = product.stock - product.lowStockThreshold;
  const units = left;
  // A line of an order has at most 10,000 units.
  while (left > 0) {
    const quantity = Math.min(left, quantityMax);
    await parley.orders.createOrder({ userId: buyerId.value, requestId: newId(), items: [{ productId, quantity }] });
    left -= quantity;
  }
  tell(`${units} of ${product.name} were ordered. The alert appears on the right.`);
}
