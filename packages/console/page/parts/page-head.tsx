import type { ComponentChildren, JSX } from "preact";

/** A view's title, its purpose in one sentence, and its actions. */
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
