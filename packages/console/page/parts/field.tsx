import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** A label and its control. `children` receives the id that links them. */
export function Field({
  label,
  hint,
  wrong,
  children,
}: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly wrong?: string | undefined;
  readonly children: (id: string) => ComponentChildren;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint === undefined ? null : <span class="hint">{hint}</span>}
      {wrong === undefined ? null : (
        <span class="wrong" role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}
