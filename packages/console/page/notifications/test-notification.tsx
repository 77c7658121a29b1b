import type { JSX } from "preact";
import { useAction } from "../parts/busy.ts";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { tell } from "../parts/toasts.tsx";
import { parley } from "../session/api.ts";

/** Sends a test notification, to check the channel. */
export function TestNotification(): JSX.Element {
  const sending = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const recipient = String(data.get("recipient"));
    await parley.notifications.sendTestNotification({ recipient, message: String(data.get("message") ?? "") });
    tell(`A test notification to ${recipient} was created.`);
  });
  return (
    <section class="panel" aria-label="Send a test">
      <header>
        <h2>Send a test</h2>
      </header>
      <form
        class="body stack"
        onSubmit={(event) => {
          event.preventDefault();
          void sending.run(event.currentTarget);
        }}
      >
        <Field label="To">
          {(id) => (
            <input id={id} name="recipient" type="email" required maxLength={254} defaultValue="test@example.com" />
          )}
        </Field>
        <Field label="Text (optional)">{(id) => <textarea id={id} name="message" maxLength={1000} />}</Field>
        {sending.error.value === undefined ? null : <Failure error={sending.error.value} />}
        <button type="submit" class="button" disabled={sending.busy.value}>
          Send
        </button>
      </form>
    </section>
  );
}
