import type { JSX } from "preact";
import { shortId } from "../parts/format.ts";
import { linkTo } from "../route.ts";
import { isAdmin } from "../session/session.ts";

/** A link to the sequence of an order's calls. Only admins see calls. */
export function OrderCallsLink({ id }: { readonly id: string }): JSX.Element | null {
  return isAdmin() ? (
    <a class="button small" href={linkTo(`trace/order/${id}`)}>
      Calls<span class="unseen"> of order {shortId(id)}</span>
    </a>
  ) : null;
}
