import type { JSX } from "preact";
import { users, usersError } from "../live/users.ts";
import { useAction } from "../parts/busy.ts";
import { Field } from "../parts/field.tsx";
import { count, price } from "../parts/format.ts";
import { linkTo } from "../route.ts";
import { session } from "../session/session.ts";
import { askToSignIn } from "../session/sign-in.tsx";
import { signIn } from "../session/tokens.ts";
import { buyerId, chooseBuyer, lines, placeOrder, totals } from "./basket-state.ts";
import { QuantityInput } from "./product-card.tsx";

export function Basket(): JSX.Element {
  const placing = useAction(placeOrder);
  const signedOut = session.value?.signIn === true && signIn.value === undefined;
  const units = lines.value.reduce((sum, { quantity }) => sum + quantity, 0);
  return (
    <section class="panel" aria-label="Basket">
      <header>
        <h2>Basket</h2>
        <span class="badge tabular">{units === 1 ? "1 unit" : `${count(units)} units`}</span>
      </header>
      <div class="body stack">
        {lines.value.length === 0 ? (
          <p class="muted">Empty. Add a product to place an order.</p>
        ) : (
          <ul class="basket-lines">
            {lines.value.map(({ product, quantity }) => (
              <li key={product.id}>
                <span>{product.name}</span>
                <QuantityInput name={product.name} id={product.id} quantity={quantity} />
              </li>
            ))}
          </ul>
        )}
        <Buyer />
        <div class="row apart">
          <span class="muted">Total</span>
          <strong class="tabular">{totals.value.map((total) => price(total)).join(" + ") || "–"}</strong>
        </div>
        {signedOut ? (
          <button type="button" class="button main" onClick={() => askToSignIn()}>
            Sign in to order
          </button>
        ) : (
          <button
            type="button"
            class="button main"
            disabled={lines.value.length === 0 || buyerId.value === "" || placing.busy.value}
            onClick={() => void placing.run()}
          >
            {placing.busy.value ? "Placing the order…" : "Place order"}
          </button>
        )}
      </div>
    </section>
  );
}

function Buyer(): JSX.Element | null {
  if (signIn.value !== undefined) {
    return <p class="small muted">Ordered by {signIn.value.name}.</p>;
  }
  if (session.value?.signIn === true) {
    return null;
  }
  return (
    <Field label="Buyer">
      {(id) =>
        users.value?.length === 0 ? (
          <a href={linkTo("users")}>Create the first user</a>
        ) : (
          <select id={id} value={buyerId.value} onChange={(event) => chooseBuyer(event.currentTarget.value)}>
            {users.value?.map((user) => (
              <option key={user.id} value={user.id}>
                {user.name}
              </option>
            )) ?? <option>{usersError.value === undefined ? "…" : "Users cannot be read"}</option>}
          </select>
        )
      }
    </Field>
  );
}
