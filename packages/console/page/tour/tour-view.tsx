import type { JSX } from "preact";
import { PageHead } from "../parts/page-head.tsx";
import { goTo } from "../route.ts";
import { startTour, tourStep, tourSteps } from "./tour-state.ts";

/** An overview of the tour, and its start. */
export function TourView(): JSX.Element {
  return (
    <div class="page">
      <PageHead
        title="Guided tour"
        text="Five steps, about ten minutes: how services talk, fail and recover. For one person, or a class."
      >
        <button
          type="button"
          class="button main"
          onClick={() => {
            startTour();
            goTo(tourSteps[0]?.link() ?? "");
          }}
        >
          {tourStep.value === undefined ? "Start the tour" : "Start again"}
        </button>
      </PageHead>
      <ol class="tour-steps">
        {tourSteps.map(({ title, text, lesson }, index) => (
          <li key={title} class="panel">
            <span class="tour-number" aria-hidden="true">
              {index + 1}
            </span>
            <div class="stack tight">
              <h2>{title}</h2>
              <p>{text}</p>
              <p class="muted">{lesson}</p>
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}
