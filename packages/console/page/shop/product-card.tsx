import type { Product } from "@parley/client";
import type { JSX } from "preact";
import { count, price } from "../parts/format.ts";
import { Icon } from "../parts/icons.tsx";
import { basket, quantityMax, setQuantity } from "./basket-state.ts";

export function ProductCard({ product }: { readonly product: Product }): JSX.Element {
  const quantity = basket.value.get(product.id) ?? 0;
  return (
    <li class="product panel">
      <div>
        <h2>{product.name}</h2>
        <p class="muted small">{product.description || `Product ${product.id}`}</p>
      </div>
      <div class="row apart">
        <strong class="tabular">{price(product.price)}</strong>
        <StockBadge product={product} />
      </div>
      <div class="row apart quantity">
        {quantity === 0 ? (
          <button
            type="button"
            class="button"
            onClick={() => setQuantity(product.id, 1)}
            disabled={product.stock === 0}
          >
            <Icon name="plus" />
            Add<span class="unseen"> {product.name}</span>
          </button>
        ) : (
          <QuantityInput name={product.name} id={product.id} quantity={quantity} />
        )}
      </div>
    </li>
  );
}

export function QuantityInput({
  name,
  id,
  quantity,
}: {
  readonly name: string;
  readonly id: string;
  readonly quantity: number;
}): JSX.Element {
  return (
    <span class="quantity-input">
      <button
        type="button"
        class="button icon"
        aria-label={`One ${name} less`}
        onClick={() => setQuantity(id, quantity - 1)}
      >
        <Icon name="minus" />
      </button>
      <input
        type="number"
        min={0}
        max={quantityMax}
        value={quantity}
        aria-label={`Quantity of ${name}`}
        onChange={(event) => setQuantity(id, event.currentTarget.valueAsNumber || 0)}
      />
      <button
        type="button"
        class="button icon"
        aria-label={`One ${name} more`}
        onClick={() => setQuantity(id, quantity + 1)}
      >
        <Icon name="plus" />
      </button>
    </span>
  );
}

export function StockBadge({ product }: { readonly product: Product }): JSX.Element {
  const { stock, lowStockThreshold } = product;
  const kind = stock === 0 ? "bad" : stock <= lowStockThreshold ? "warn" : "";
  // A new key restarts the animation when the number changes.
  return (
    <span key={stock} class={`badge tabular arrived ${kind}`} data-stock={stock}>
      {stock === 0 ? "Sold out" : `${count(stock)} in stock`}
    </span>
  );
}

export function ProductSkeleton(): JSX.Element {
  return (
    <li class="product panel">
      <div>
        <h2>
          <span class="skeleton">A product</span>
        </h2>
        <p class="small">
          <span class="skeleton">A short description</span>
        </p>
      </div>
      <div class="row apart">
        <span class="skeleton">$100.00</span>
        <span class="badge skeleton">10 in stock</span>
      </div>
      <div class="row quantity">
        <span class="button skeleton">Add</span>
      </div>
    </li>
  );
}
