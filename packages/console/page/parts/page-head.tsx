import type { ComponentChildren, JSX } from "preact";

/** A view's title, one sentence on what it is for, and what can be done. */
export function PageHead({
  title,
  text,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        <p>{text}</p>
      </div>
      {children}
    </div>
  );
}
