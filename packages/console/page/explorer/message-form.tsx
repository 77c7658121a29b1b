import { type DescField, type DescMessage, type DescOneof, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { commentOf, constraintsOf, isRequired, rulesOf } from "@parley/contract";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { emptyText, exampleOf } from "./example.ts";
import { type JsonPath, valueAt, withValue } from "./json-paths.ts";

export interface FormProps {
  readonly value: JsonValue;
  readonly onChange: (value: JsonValue) => void;
}

/** The maximum nesting of form fields. Deeper messages are edited as JSON. */
const depthMax = 4;

/** The fields of a request, each with its comment and its constraints. */
export function MessageForm({
  message,
  path,
  ...form
}: FormProps & { readonly message: DescMessage; readonly path: JsonPath }): JSX.Element {
  return (
    <div class="message-form">
      {message.members.map((member) =>
        member.kind === "oneof" ? (
          <OneofFields key={member.name} oneof={member} path={path} {...form} />
        ) : (
          <FieldInput key={member.name} field={member} path={[...path, member.jsonName]} {...form} />
        ),
      )}
      {message.members.length === 0 ? <p class="small muted">This message has no fields.</p> : null}
    </div>
  );
}

function OneofFields({
  oneof,
  path,
  value,
  onChange,
}: FormProps & { readonly oneof: DescOneof; readonly path: JsonPath }): JSX.Element {
  const id = useId();
  const chosen = oneof.fields.find((field) => valueAt(value, [...path, field.jsonName]) !== undefined);
  const choose = (name: string) => {
    let next = value;
    for (const field of oneof.fields) {
      next = withValue(next, [...path, field.jsonName], undefined);
    }
    const field = oneof.fields.find(({ jsonName }) => jsonName === name);
    onChange(field === undefined ? next : withValue(next, [...path, name], firstValue(field)));
  };
  return (
    <div class="field">
      <label for={id}>{oneof.name}: one of</label>
      <select id={id} value={chosen?.jsonName ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">–</option>
        {oneof.fields.map(({ jsonName }) => (
          <option key={jsonName}>{jsonName}</option>
        ))}
      </select>
      {chosen === undefined ? null : (
        <FieldInput field={chosen} path={[...path, chosen.jsonName]} value={value} onChange={onChange} />
      )}
    </div>
  );
}

function FieldInput({
  field,
  path,
  ...form
}: FormProps & { readonly field: DescField; readonly path: JsonPath }): JSX.Element {
  if (field.fieldKind === "list") {
    return <ListField field={field} path={path} {...form} />;
  }
  if (field.fieldKind === "message" && emptyText(field.message) === undefined && path.length < depthMax) {
    return <NestedMessage field={field} message={field.message} path={path} {...form} />;
  }
  return <SingleField field={field} path={path} {...form} />;
}

function NestedMessage({
  field,
  message,
  path,
  value,
  onChange,
}: FormProps & { readonly field: DescField; readonly message: DescMessage; readonly path: JsonPath }): JSX.Element {
  const isSet = valueAt(value, path) !== undefined;
  return (
    <fieldset class="nested">
      <legend>
        <label class="check">
          <input
            type="checkbox"
            checked={isSet}
            onChange={(event) =>
              onChange(withValue(value, path, event.currentTarget.checked ? exampleOf(message) : undefined))
            }
          />
          {field.jsonName}
        </label>
      </legend>
      <Hint field={field} />
      {isSet ? <MessageForm message={message} path={path} value={value} onChange={onChange} /> : null}
    </fieldset>
  );
}

function ListField({
  field,
  path,
  value,
  onChange,
}: FormProps & { readonly field: DescField & { fieldKind: "list" }; readonly path: JsonPath }): JSX.Element {
  const found = valueAt(value, path);
  const items = Array.isArray(found) ? found : [];
  const add = () => onChange(withValue(value, [...path, items.length], firstItem(field)));
  return (
    <fieldset class="nested">
      <legend>{field.jsonName}</legend>
      <Hint field={field} />
      {items.map((_item, index) => (
        <div key={index} class="list-item">
          {field.listKind === "message" && emptyText(field.message) === undefined ? (
            <MessageForm message={field.message} path={[...path, index]} value={value} onChange={onChange} />
          ) : (
            <ScalarInput
              field={field}
              path={[...path, index]}
              value={value}
              onChange={onChange}
              label={`${field.jsonName} ${index + 1}`}
            />
          )}
          <button
            type="button"
            class="button small"
            onClick={() => onChange(withValue(value, [...path, index], undefined))}
          >
            Remove
            <span class="unseen">
              {" "}
              item {index + 1} of {field.jsonName}
            </span>
          </button>
        </div>
      ))}
      <button type="button" class="button small" onClick={add}>
        Add<span class="unseen"> to {field.jsonName}</span>
      </button>
    </fieldset>
  );
}

function SingleField({
  field,
  path,
  ...form
}: FormProps & { readonly field: DescField; readonly path: JsonPath }): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        {field.jsonName}
        {isRequired(rulesOf(field)) ? <span class="required"> required</span> : null}
      </label>
      <ScalarInput id={id} field={field} path={path} {...form} />
      <Hint field={field} />
    </div>
  );
}

function ScalarInput({
  id,
  label,
  field,
  path,
  value,
  onChange,
}: FormProps & {
  readonly id?: string;
  readonly label?: string;
  readonly field: DescField;
  readonly path: JsonPath;
}): JSX.Element {
  const current = valueAt(value, path);
  const set = (next: JsonValue | undefined) => onChange(withValue(value, path, next));
  const shared = { id, "aria-label": label };
  const kind = kindOf(field);
  if (kind === "bool") {
    return (
      <input
        {...shared}
        type="checkbox"
        checked={current === true}
        onChange={(event) => set(event.currentTarget.checked || undefined)}
      />
    );
  }
  if (kind === "enum" && field.enum !== undefined) {
    return (
      <select
        {...shared}
        value={String(current ?? "")}
        onChange={(event) => set(event.currentTarget.value || undefined)}
      >
        <option value="">–</option>
        {field.enum.values.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    );
  }
  if (kind === "json") {
    return <JsonInput {...shared} value={current} onChange={set} />;
  }
  const text = current === undefined ? "" : String(current);
  if (kind === "number") {
    return (
      <input
        {...shared}
        type="number"
        step="any"
        value={text}
        onInput={({ currentTarget: { value: typed } }) => set(typed === "" ? undefined : Number(typed))}
      />
    );
  }
  const typed = {
    ...shared,
    autocomplete: "off",
    value: text,
    onInput: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => set(currentTarget.value || undefined),
  } as const;
  return /password/.test(field.name) ? (
    <input {...typed} type="password" />
  ) : (
    <input {...typed} type="text" placeholder={emptyTextOf(field) ?? ""} />
  );
}

function JsonInput({
  value,
  onChange,
  ...shared
}: {
  readonly value: JsonValue | undefined;
  readonly onChange: (value: JsonValue | undefined) => void;
}): JSX.Element {
  return (
    <textarea
      {...shared}
      class="mono"
      onChange={(event) => {
        try {
          const text = event.currentTarget.value.trim();
          onChange(text === "" ? undefined : (JSON.parse(text) as JsonValue));
          event.currentTarget.setCustomValidity("");
        } catch {
          event.currentTarget.setCustomValidity("This is not JSON.");
          event.currentTarget.reportValidity();
        }
      }}
    >
      {value === undefined ? "" : JSON.stringify(value, undefined, 2)}
    </textarea>
  );
}

/** A field's comment in the contract, and the constraints that the comment does not mention. */
function Hint({ field }: { readonly field: DescField }): JSX.Element | null {
  const comment = commentOf(field);
  const rules = Object.entries(constraintsOf(rulesOf(field))).filter(([name]) => shownRules.has(name));
  const words = rules.map(([name, limit]) => `${name} ${String(limit)}`).join(", ");
  return comment === "" && words === "" ? null : (
    <span class="hint" title={words}>
      {comment}
    </span>
  );
}

const shownRules: ReadonlySet<string> = new Set([
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "format",
  "minItems",
  "maxItems",
]);

function kindOf(field: DescField): "bool" | "enum" | "number" | "text" | "json" {
  if (field.enum !== undefined && field.fieldKind !== "map") {
    return "enum";
  }
  if (field.fieldKind === "map" || (field.message !== undefined && emptyText(field.message) === undefined)) {
    return "json";
  }
  if (field.message !== undefined) {
    return "text";
  }
  switch (field.scalar) {
    case ScalarType.BOOL:
      return "bool";
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return "number";
    default:
      // 64-bit integers are strings in JSON.
      return "text";
  }
}

function emptyTextOf({ message }: DescField): string | undefined {
  const text = message === undefined ? undefined : emptyText(message);
  return text === undefined ? undefined : String(text);
}

function firstValue(field: DescField): JsonValue {
  if (field.fieldKind === "message") {
    return emptyText(field.message) ?? exampleOf(field.message);
  }
  return kindOf(field) === "number" ? 0 : kindOf(field) === "bool" ? true : "";
}

function firstItem(field: DescField & { fieldKind: "list" }): JsonValue {
  if (field.listKind === "message") {
    return emptyText(field.message) ?? exampleOf(field.message);
  }
  return field.listKind === "enum" ? (field.enum.values[0]?.name ?? "") : kindOf(field) === "number" ? 0 : "";
}
