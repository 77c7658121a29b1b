import type { JSX } from "preact";
import { Field } from "../parts/field.tsx";
import { route, setParams } from "../route.ts";
import { session } from "../session/session.ts";

const codes = [
  "failed",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "RESOURCE_EXHAUSTED",
  "NOT_FOUND",
  "FAILED_PRECONDITION",
  "INVALID_ARGUMENT",
  "CANCELED",
  "INTERNAL",
  "OK",
];

const kinds = {
  "": "Calls and events",
  calls: "Calls",
  events: "Events and mail",
  attempts: "Attempts",
  database: "Database",
};

/** The filters. They are stored in the URL, so that a link reproduces the view. */
export function CallFilterBar(): JSX.Element {
  const { params } = route.value;
  const processes = ["client", "gateway", ...(session.value?.services.map(({ name }) => name) ?? [])];
  const select = (name: string, label: string, options: readonly (readonly [string, string])[]) => (
    <Field label={label}>
      {(id) => (
        <select
          id={id}
          value={params.get(name) ?? ""}
          onChange={(event) => setParams({ [name]: event.currentTarget.value })}
        >
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  const named = processes.map((name) => [name, name] as const);
  return (
    <div class="filters">
      <Field label="Search">
        {(id) => (
          <input
            id={id}
            type="search"
            placeholder="Method, message, trace id"
            value={params.get("q") ?? ""}
            onInput={(event) => setParams({ q: event.currentTarget.value })}
          />
        )}
      </Field>
      {select("from", "From", [["", "Any"], ...named])}
      {select("to", "To", [["", "Any"], ...named])}
      {select("code", "Code", [
        ["", "Any"],
        ...codes.map((code) => [code, code === "failed" ? "Failed" : code] as const),
      ])}
      {select("slow", "At least", [
        ["", "Any time"],
        ...["1", "10", "100", "1000"].map((ms) => [ms, `${ms} ms`] as const),
      ])}
      {select("kind", "Kind", Object.entries(kinds))}
    </div>
  );
}
