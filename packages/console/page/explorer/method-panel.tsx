import type { DescMethod, FileRegistry, JsonValue } from "@bufbuild/protobuf";
import { commentOf, methodPolicy } from "@parley/contract";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { useAction } from "../parts/busy.ts";
import { copyText } from "../parts/copy.tsx";
import { Failure } from "../parts/failure.tsx";
import { durationText } from "../parts/format.ts";
import { Icon } from "../parts/icons.tsx";
import { baseUrl } from "../session/api.ts";
import { session } from "../session/session.ts";
import { Answers } from "./answers.tsx";
import { exampleOf } from "./example.ts";
import { MessageForm } from "./message-form.tsx";
import { history, runCall } from "./run-call.ts";
import { snippetsOf } from "./snippets.ts";

/** One method: its description, its request as a form or as JSON, its responses, and the same call as code. */
export function MethodPanel({
  method,
  registry,
}: {
  readonly method: DescMethod;
  readonly registry: FileRegistry;
}): JSX.Element {
  const request = useMemo(() => signal<JsonValue>(exampleOf(method.input)), []);
  const asJson = useMemo(() => signal(false), []);
  const wrongJson = useMemo(() => signal(""), []);
  const calling = useAction(() => runCall(method, request.value, registry));
  const made = history.value.filter((call) => call.method === method);
  return (
    <div class="stack">
      <section class="panel" aria-label={method.name}>
        <header>
          <h2>{method.name}</h2>
          <div class="tabs" role="group" aria-label="Form or JSON">
            <button type="button" aria-pressed={!asJson.value} onClick={() => (asJson.value = false)}>
              Form
            </button>
            <button type="button" aria-pressed={asJson.value} onClick={() => (asJson.value = true)}>
              JSON
            </button>
          </div>
        </header>
        <form
          class="body stack"
          onSubmit={(event) => {
            event.preventDefault();
            void calling.run();
          }}
        >
          <p>{commentOf(method)}</p>
          <Policy method={method} />
          {asJson.value ? (
            <textarea
              class="mono request-json"
              aria-label="Request as JSON"
              aria-invalid={wrongJson.value !== ""}
              onInput={(event) => {
                try {
                  request.value = JSON.parse(event.currentTarget.value) as JsonValue;
                  wrongJson.value = "";
                } catch (error) {
                  wrongJson.value = error instanceof Error ? error.message : String(error);
                }
              }}
            >
              {JSON.stringify(request.value, undefined, 2)}
            </textarea>
          ) : (
            <MessageForm
              message={method.input}
              path={[]}
              value={request.value}
              onChange={(value) => {
                request.value = value;
              }}
            />
          )}
          {wrongJson.value === "" ? null : <p class="wrong">This is not JSON: {wrongJson.value}</p>}
          {calling.error.value === undefined ? null : <Failure error={calling.error.value} />}
          <div class="row end">
            <button type="button" class="button" onClick={() => (request.value = exampleOf(method.input))}>
              Reset
            </button>
            <button type="submit" class="button main" disabled={wrongJson.value !== ""}>
              Call
            </button>
          </div>
        </form>
      </section>
      <Snippets method={method} request={request.value} />
      <Answers
        calls={made}
        onUseAgain={(value) => {
          request.value = value;
        }}
      />
    </div>
  );
}

const callers: Readonly<Partial<Record<Caller, string>>> = {
  [Caller.PUBLIC]: "All callers may call it",
  [Caller.SIGNED_IN]: "Signed-in users may call it",
  [Caller.OWNER]: "Only the user whose data it reads or changes may call it",
  [Caller.ADMIN]: "Admins may call it",
};

/** The timeout, retries and access rule of the contract. */
function Policy({ method }: { readonly method: DescMethod }): JSX.Element {
  const { timeoutMs, retry, access } = methodPolicy(method);
  return (
    <p class="small muted">
      {[
        timeoutMs === undefined ? "No default deadline" : `Default deadline ${durationText(timeoutMs)}`,
        retry === undefined ? "no retries" : `${retry.attemptsMax} attempts at most`,
        callers[access.caller] ?? "",
      ].join(" · ")}
    </p>
  );
}

function Snippets({ method, request }: { readonly method: DescMethod; readonly request: JsonValue }): JSX.Element {
  const chosen = useMemo(() => signal("curl"), []);
  const snippets = snippetsOf(method, request, { url: baseUrl, signIn: session.value?.signIn === true });
  const snippet = snippets.find(({ name }) => name === chosen.value) ?? snippets[0];
  return (
    <section class="panel" aria-label="The same call in other clients">
      <header>
        <h2>The same call in other clients</h2>
        <div class="tabs" role="group" aria-label="As">
          {snippets.map(({ name }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === snippet?.name}
              onClick={() => (chosen.value = name)}
            >
              {name}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="button small"
          onClick={() => void copyText(snippet?.text ?? "", `Copied as ${snippet?.name}.`)}
        >
          <Icon name="copy" />
          Copy
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be focusable. */}
      <pre class="code snippet" tabIndex={0} role="region" aria-label={snippet?.name}>
        {snippet?.text}
      </pre>
    </section>
  );
}
