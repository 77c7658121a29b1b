import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { products, productsError, readProducts } from "../live/products.ts";
import { readUsers, users } from "../live/users.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo } from "../route.ts";
import { isAdmin, session } from "../session/session.ts";
import { Basket } from "./basket.tsx";
import { OrderLife } from "./order-life.tsx";
import { ProductCard, ProductSkeleton } from "./product-card.tsx";

export function ShopView(): JSX.Element {
  useEffect(() => {
    void readProducts();
    if (session.value !== undefined && users.value === undefined) {
      void readUsers();
    }
  }, [session.value]);
  return (
    <div class="page">
      <PageHead title="Shop" text="Stock levels are updated live.">
        {isAdmin() ? (
          <a class="button" href={linkTo("stock")}>
            Manage products
          </a>
        ) : null}
      </PageHead>
      <div class="columns wide-narrow">
        <Products />
        <div class="stack">
          <Basket />
          <OrderLife />
        </div>
      </div>
    </div>
  );
}

function Products(): JSX.Element {
  if (productsError.value !== undefined && products.value === undefined) {
    return (
      <Failure error={productsError.value}>
        <div>
          <button type="button" class="button small" onClick={() => void readProducts()}>
            Try again
          </button>
        </div>
      </Failure>
    );
  }
  if (products.value === undefined) {
    return (
      <ul class="products" aria-busy="true">
        {Array.from({ length: 6 }, (_, index) => (
          <ProductSkeleton key={index} />
        ))}
      </ul>
    );
  }
  if (products.value.size === 0) {
    return (
      <Empty icon="shop" title="There are no products yet">
        <a href={linkTo("stock", { new: "1" })}>Create the first product</a>
      </Empty>
    );
  }
  return (
    <ul class="products">
      {[...products.value.values()].map((product) => (
        <ProductCard key={product.id} product={product} />
      ))}
    </ul>
  );
}
