import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useAction } from "../parts/busy.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { parley } from "./api.ts";
import { login } from "./session.ts";

type Form = "in" | "up";

const open = signal<Form | undefined>(undefined);

export function askToSignIn(form: Form = "in"): void {
  open.value = form;
}

/** Sign-in and sign-up, if the gateway requires it (AUTH=required). */
export function SignInDialog(): JSX.Element | null {
  const going = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const [name, email, password] = ["name", "email", "password"].map((field) => String(data.get(field) ?? ""));
    if (open.value === "up") {
      await parley.users.createUser({ name: name ?? "", email: email ?? "", password: password ?? "" });
    }
    await login(email ?? "", password ?? "");
    open.value = undefined;
  });
  if (open.value === undefined) {
    return null;
  }
  const up = open.value === "up";
  return (
    <Dialog title={up ? "Sign up" : "Sign in"} onClose={() => (open.value = undefined)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void going.run(event.currentTarget);
        }}
      >
        <h2>{up ? "Sign up" : "Sign in"}</h2>
        {up ? (
          <Field label="Name">
            {(id) => <input id={id} name="name" autocomplete="name" required maxLength={100} />}
          </Field>
        ) : null}
        <Field label="E-mail address">
          {(id) => <input id={id} name="email" type="email" autocomplete="email" required maxLength={254} />}
        </Field>
        <Field label="Password" hint={up ? "8 to 128 characters." : undefined}>
          {(id) => (
            <input
              id={id}
              name="password"
              type="password"
              autocomplete={up ? "new-password" : "current-password"}
              required
              minLength={up ? 8 : 1}
              maxLength={128}
            />
          )}
        </Field>
        {going.error.value === undefined ? null : <Failure error={going.error.value} />}
        <div class="row apart">
          <button type="button" class="button quiet" onClick={() => (open.value = up ? "in" : "up")}>
            {up ? "I have an account" : "I have no account yet"}
          </button>
          <button type="submit" class="button main" disabled={going.busy.value}>
            {up ? "Sign up" : "Sign in"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
