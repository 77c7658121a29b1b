import { UserRole } from "@parley/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { readUsers, users, usersError } from "../live/users.ts";
import { useAction } from "../parts/busy.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { msOf, timeText } from "../parts/format.ts";
import { PageHead } from "../parts/page-head.tsx";
import { tell } from "../parts/toasts.tsx";
import { linkTo } from "../route.ts";
import { newId, parley } from "../session/api.ts";
import { isAdmin, session } from "../session/session.ts";
import { signIn } from "../session/tokens.ts";
import { chooseBuyer } from "../shop/basket-state.ts";

const creating = signal(false);

export function UsersView(): JSX.Element {
  useEffect(() => {
    if (session.value !== undefined) {
      void readUsers();
    }
  }, [session.value, signIn.value]);
  return (
    <div class="page">
      <PageHead title="Users" text={isAdmin() ? "All accounts." : "Your account. Admins see all."}>
        <button type="button" class="button main" onClick={() => (creating.value = true)}>
          Create user
        </button>
      </PageHead>
      {usersError.value === undefined ? null : <Failure error={usersError.value} />}
      <section class="panel" aria-label="Users">
        <UserTable />
      </section>
      {creating.value ? <CreateUser /> : null}
    </div>
  );
}

function UserTable(): JSX.Element {
  if (users.value === undefined) {
    return <p class="empty">Reading…</p>;
  }
  if (users.value.length === 0) {
    return <Empty icon="users" title={isAdmin() ? "There are no users yet" : "You are not signed in"} />;
  }
  return (
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>Id</th>
            <th>Name</th>
            <th>E-mail address</th>
            <th>Role</th>
            <th>Since</th>
            <th>
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.value.map((user) => (
            <tr key={user.id}>
              <td class="mono">{user.id}</td>
              <td>{user.name}</td>
              <td>{user.email}</td>
              <td>{user.role === UserRole.ADMIN ? <span class="badge accent">Admin</span> : "Customer"}</td>
              <td class="tabular">{timeText(msOf(user.createTime))}</td>
              <td class="actions">
                <a class="button small" href={linkTo("orders", { user: user.id })}>
                  Orders<span class="unseen"> of {user.name}</span>
                </a>
                {signIn.value === undefined && session.value?.signIn === false ? (
                  <a class="button small" href={linkTo("shop")} onClick={() => chooseBuyer(user.id)}>
                    Buy as<span class="unseen"> {user.name}</span>
                  </a>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CreateUser(): JSX.Element {
  const saving = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const { user } = await parley.users.createUser({
      name: field("name"),
      email: field("email"),
      phone: field("phone"),
      address: field("address"),
      password: String(data.get("password") ?? ""),
      requestId: newId(),
    });
    tell(`The user ${user?.name} was created.`);
    creating.value = false;
    await readUsers();
  });
  return (
    <Dialog title="Create user" onClose={() => (creating.value = false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void saving.run(event.currentTarget);
        }}
      >
        <h2>Create user</h2>
        <Field label="Name">{(id) => <input id={id} name="name" required maxLength={100} autocomplete="off" />}</Field>
        <Field label="E-mail address">
          {(id) => <input id={id} name="email" type="email" required maxLength={254} autocomplete="off" />}
        </Field>
        <Field label="Password" hint="8 to 128 characters. Only a hash of it is kept.">
          {(id) => (
            <input
              id={id}
              name="password"
              type="password"
              required
              minLength={8}
              maxLength={128}
              autocomplete="new-password"
            />
          )}
        </Field>
        <Field label="Telephone (optional)">
          {(id) => <input id={id} name="phone" maxLength={32} autocomplete="off" />}
        </Field>
        <Field label="Postal address (optional)">{(id) => <textarea id={id} name="address" maxLength={500} />}</Field>
        {saving.error.value === undefined ? null : <Failure error={saving.error.value} />}
        <div class="row end">
          <button type="button" class="button" onClick={() => (creating.value = false)}>
            Close
          </button>
          <button type="submit" class="button main" disabled={saving.busy.value}>
            Create user
          </button>
        </div>
      </form>
    </Dialog>
  );
}
