import { decimalOf, moneyOf, type Product } from "@parley/client";
import type { JSX } from "preact";
import { putProduct, readProducts } from "../live/products.ts";
import { useAction } from "../parts/busy.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { tell } from "../parts/toasts.tsx";
import { newId, parley } from "../session/api.ts";

/** Creates or updates a product. If it was changed concurrently, the update fails (etag) instead of overwriting. */
export function ProductDialog({
  product,
  onClose,
}: {
  readonly product: Product | undefined;
  readonly onClose: () => void;
}): JSX.Element {
  const saving = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const values = {
      name: field("name"),
      description: field("description"),
      price: moneyOf(field("price"), field("currency").toUpperCase()),
      lowStockThreshold: Number(field("threshold")),
    };
    if (product === undefined) {
      await parley.products.createProduct({ ...values, stock: Number(field("stock")), requestId: newId() });
      await readProducts();
    } else {
      const answer = await parley.products.updateProduct({
        product: { ...values, id: product.id, etag: product.etag },
        updateMask: { paths: ["name", "description", "price", "low_stock_threshold"] },
        requestId: newId(),
      });
      putProduct(answer.product);
    }
    tell(`${values.name} was ${product === undefined ? "created" : "saved"}.`);
    onClose();
  });
  const title = product === undefined ? "Create product" : `Edit ${product.name}`;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void saving.run(event.currentTarget);
        }}
      >
        <h2>{title}</h2>
        <Field label="Name">
          {(id) => <input id={id} name="name" required maxLength={200} defaultValue={product?.name ?? ""} />}
        </Field>
        <Field label="Description (optional)">
          {(id) => <textarea id={id} name="description" maxLength={2000} defaultValue={product?.description ?? ""} />}
        </Field>
        <div class="fields">
          <Field label="Price">
            {(id) => (
              <input
                id={id}
                name="price"
                required
                inputMode="decimal"
                pattern="\d{1,10}(\.\d{1,9})?"
                defaultValue={product?.price === undefined ? "" : decimalOf(product.price)}
              />
            )}
          </Field>
          <Field label="Currency">
            {(id) => (
              <input
                id={id}
                name="currency"
                required
                pattern="[A-Za-z]{3}"
                maxLength={3}
                defaultValue={product?.price?.currencyCode ?? "USD"}
              />
            )}
          </Field>
          {product === undefined ? (
            <Field label="Stock">
              {(id) => <input id={id} name="stock" type="number" min={0} max={1e9} required defaultValue="10" />}
            </Field>
          ) : null}
          <Field label="Alert at">
            {(id) => (
              <input
                id={id}
                name="threshold"
                type="number"
                min={0}
                max={1e9}
                required
                defaultValue={String(product?.lowStockThreshold ?? 5)}
              />
            )}
          </Field>
        </div>
        {saving.error.value === undefined ? null : <Failure error={saving.error.value} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="button main" disabled={saving.busy.value}>
            {product === undefined ? "Create product" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
