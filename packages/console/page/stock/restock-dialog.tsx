import type { Product } from "@parley/client";
import type { JSX } from "preact";
import { putProduct } from "../live/products.ts";
import { useAction } from "../parts/busy.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { count } from "../parts/format.ts";
import { tell } from "../parts/toasts.tsx";
import { newId, parley } from "../session/api.ts";

export function RestockDialog({
  product,
  onClose,
}: {
  readonly product: Product;
  readonly onClose: () => void;
}): JSX.Element {
  const saving = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const value = Number(data.get("units"));
    const change = data.get("how") === "add" ? { case: "delta" as const, value } : { case: "stock" as const, value };
    const answer = await parley.inventory.updateStock({ productId: product.id, change, requestId: newId() });
    putProduct(answer.product);
    tell(`${count(answer.product?.stock ?? 0)} of ${product.name} can be sold now.`);
    onClose();
  });
  return (
    <Dialog title={`Restock ${product.name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void saving.run(event.currentTarget);
        }}
      >
        <h2>Restock {product.name}</h2>
        <p class="muted">{count(product.stock)} can be sold now.</p>
        <div class="row">
          <label class="check">
            <input type="radio" name="how" value="add" defaultChecked /> Add
          </label>
          <label class="check">
            <input type="radio" name="how" value="set" /> Set to
          </label>
        </div>
        <Field label="Units" hint="A negative number removes units.">
          {(id) => <input id={id} name="units" type="number" step={1} required defaultValue="10" />}
        </Field>
        {saving.error.value === undefined ? null : <Failure error={saving.error.value} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="button main" disabled={saving.busy.value}>
            Restock
          </button>
        </div>
      </form>
    </Dialog>
  );
}
