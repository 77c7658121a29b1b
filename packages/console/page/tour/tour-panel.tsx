import type { JSX } from "preact";
import { Icon } from "../parts/icons.tsx";
import { hasControl, tourStep, tourSteps } from "./tour-state.ts";

/** The current step of the tour, above every view. */
export function TourPanel(): JSX.Element | null {
  const index = tourStep.value;
  const step = index === undefined ? undefined : tourSteps[index];
  if (index === undefined || step === undefined) {
    return null;
  }
  const done = step.done();
  const last = index === tourSteps.length - 1;
  return (
    <aside class="tour panel" aria-label="Guided tour">
      <header>
        <h2>
          {index + 1}. {step.title}
        </h2>
        <span class={`badge ${done ? "good" : ""}`} role="status">
          {done ? "Done" : `Step ${index + 1} of ${tourSteps.length}`}
        </span>
        <button
          type="button"
          class="button quiet icon"
          aria-label="End the tour"
          onClick={() => (tourStep.value = undefined)}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="body stack">
        <p>{step.text}</p>
        {!hasControl.value && step.command !== undefined ? (
          <p class="small">
            In a terminal: <code>{step.command}</code>
          </p>
        ) : null}
        {done ? <p class="lesson">{step.lesson}</p> : null}
        <div class="row apart">
          <button
            type="button"
            class="button small"
            disabled={index === 0}
            onClick={() => (tourStep.value = index - 1)}
          >
            Back
          </button>
          <a class="button small" href={step.link()}>
            {step.linkText}
          </a>
          <button
            type="button"
            class={`button small ${done ? "main" : ""}`}
            onClick={() => (tourStep.value = last ? undefined : index + 1)}
          >
            {last ? "Finish" : done ? "Next" : "Skip"}
          </button>
        </div>
      </div>
    </aside>
  );
}
