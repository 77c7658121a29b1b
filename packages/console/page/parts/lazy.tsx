import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { Failure } from "./failure.tsx";

/** A view whose code is loaded on first use. After a failure it can be retried. */
export function lazy(load: () => Promise<ComponentType>): ComponentType {
  const loaded = signal<ComponentType | undefined>(undefined);
  const error = signal<unknown>(undefined);
  const begin = () => {
    error.value = undefined;
    load().then(
      (component) => {
        loaded.value = component;
      },
      (failure: unknown) => {
        error.value = failure;
      },
    );
  };
  return function Lazy(): JSX.Element | null {
    const Component = loaded.value;
    if (Component !== undefined) {
      return <Component />;
    }
    if (error.value !== undefined) {
      return (
        <Failure error={error.value}>
          <div>
            <button type="button" class="button small" onClick={() => location.reload()}>
              Load the page again
            </button>
          </div>
        </Failure>
      );
    }
    begin();
    return <div class="page" aria-busy="true" />;
  };
}
