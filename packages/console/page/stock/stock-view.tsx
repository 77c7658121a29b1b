import type { Product } from "@parley/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { productList, products, productsError, readProducts } from "../live/products.ts";
import { readUsers, users } from "../live/users.ts";
import { useAction } from "../parts/busy.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { count, price, shortId } from "../parts/format.ts";
import { PageHead } from "../parts/page-head.tsx";
import { route, setParams } from "../route.ts";
import { isAdmin, session } from "../session/session.ts";
import { StockBadge } from "../shop/product-card.tsx";
import { buyDown } from "./buy-down.ts";
import { LowStockAlerts } from "./low-stock-alerts.tsx";
import { ProductDialog } from "./product-dialog.tsx";
import { RestockDialog } from "./restock-dialog.tsx";

const restocking = signal<Product | undefined>(undefined);
const editing = signal<Product | "new" | undefined>(undefined);

export function StockView(): JSX.Element {
  const asksNew = route.value.params.get("new") !== null;
  useEffect(() => {
    void readProducts();
    if (session.value !== undefined && users.value === undefined) {
      void readUsers();
    }
  }, [session.value]);
  useEffect(() => {
    if (asksNew) {
      editing.value = "new";
      setParams({ new: undefined });
    }
  }, [asksNew]);
  return (
    <div class="page">
      <PageHead
        title="Stock"
        text="Available units, updated live. When the stock of a product falls to its threshold, the shop gets an alert."
      >
        {isAdmin() ? (
          <button type="button" class="button main" onClick={() => (editing.value = "new")}>
            Create product
          </button>
        ) : null}
      </PageHead>
      {productsError.value === undefined ? null : <Failure error={productsError.value} />}
      <div class="columns wide-narrow late">
        <section class="panel" aria-label="Products">
          <StockTable />
        </section>
        <LowStockAlerts />
      </div>
      {restocking.value === undefined ? null : (
        <RestockDialog product={restocking.value} onClose={() => (restocking.value = undefined)} />
      )}
      {editing.value === undefined ? null : (
        <ProductDialog
          product={editing.value === "new" ? undefined : editing.value}
          onClose={() => (editing.value = undefined)}
        />
      )}
    </div>
  );
}

function StockTable(): JSX.Element {
  if (products.value === undefined) {
    return <p class="empty">Reading…</p>;
  }
  if (products.value.size === 0) {
    return <Empty icon="stock" title="There are no products yet" />;
  }
  return (
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>Product</th>
            <th class="number">Price</th>
            <th>Stock</th>
            <th class="number">Threshold</th>
            <th>
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {productList.value.map((product) => (
            <StockRow key={product.id} product={product} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StockRow({ product }: { readonly product: Product }): JSX.Element {
  const buying = useAction((id: string) => buyDown(id));
  const units = product.stock - product.lowStockThreshold;
  return (
    <tr data-product={product.id}>
      <td>
        <strong>{product.name}</strong>
        <div class="small muted mono" title={product.id}>
          {shortId(product.id)}
        </div>
      </td>
      <td class="number">{price(product.price)}</td>
      <td>
        <StockBadge product={product} />
      </td>
      <td class="number">{count(product.lowStockThreshold)}</td>
      <td class="actions">
        <button
          type="button"
          class="button small"
          disabled={buying.busy.value || units <= 0}
          title={units <= 0 ? "The stock is at its threshold already" : `Orders ${count(units)} units`}
          onClick={() => void buying.run(product.id)}
        >
          Buy down<span class="unseen"> {product.name} to the threshold</span>
        </button>
        {isAdmin() ? (
          <>
            <button type="button" class="button small" onClick={() => (restocking.value = product)}>
              Restock<span class="unseen"> {product.name}</span>
            </button>
            <button type="button" class="button small" onClick={() => (editing.value = product)}>
              Edit<span class="unseen"> {product.name}</span>
            </button>
          </>
        ) : null}
        {buying.error.value === undefined ? null : <Failure error={buying.error.value} />}
      </td>
    </tr>
  );
}
