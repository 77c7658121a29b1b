import { computed, effect, signal } from "@preact/signals";
import { callsVersion, marksOf, rows } from "../live/calls.ts";
import { health } from "../live/live-stream.ts";
import { written } from "../live/notifications.ts";
import { linkTo, route } from "../route.ts";
import { session } from "../session/session.ts";
import { sent } from "../shop/basket-state.ts";
import { tourBegun } from "./tour-begun.ts";

/** One step of the guided tour. */
export interface TourStep {
  readonly title: string;
  /** The instruction. */
  readonly text: string;
  /** The view for this step. */
  readonly link: () => string;
  readonly linkText: string;
  /** The command for a terminal, if this page cannot start and stop services. */
  readonly command?: string;
  /** The explanation of the result. */
  readonly lesson: string;
  /** Whether the step was completed, from the page's state. */
  readonly done: () => boolean;
}

/** The current step, from 0. Undefined without a tour. */
export const tourStep = signal<number | undefined>(undefined);

/** The events observed since the tour started. */
const seen = {
  productDown: signal(false),
  breakerOpen: signal(false),
  orderFailed: signal(false),
  productBack: signal(false),
  notificationDown: signal(false),
  orderWhileDown: signal(false),
  notified: signal(false),
};

const isDown = (name: string) => health.value.has(name) && health.value.get(name) !== "SERVING";
const ordersConfirmed = () => sent.value?.answers.length ?? 0;

export const tourSteps: readonly TourStep[] = [
  {
    title: "Place an order",
    text: "Add a product to the basket and place the order.",
    link: () => linkTo("shop"),
    linkText: "To the shop",
    lesson:
      "The order is stored first. Then its stock is reserved, and then it is confirmed. If a service fails in between, recovery completes or cancels the order.",
    done: () => ordersConfirmed() > 0,
  },
  {
    title: "Watch its calls",
    text: "Choose “See its calls” below the order.",
    link: () => linkTo(`trace/${sent.value?.traceIds.at(-1) ?? ""}`),
    linkText: "To its calls",
    lesson:
      "Solid arrows are synchronous calls. Below the line are the asynchronous parts: the event, and the notification that it caused.",
    done: () => route.value.view === "trace" && (route.value.rest[0] ?? "") !== "",
  },
  {
    title: "Stop the product service",
    text: "Kill “product”, then try to place an order in the shop. The order is refused with a reason, and no stock is reserved.",
    link: () => linkTo("break"),
    linkText: "To the services",
    command: "npx parley kill product",
    lesson:
      "After a few failures the circuit breaker opens: the order service no longer calls the product service, and its callers get an error at once.",
    done: () => seen.productDown.value && (seen.breakerOpen.value || seen.orderFailed.value),
  },
  {
    title: "Restart it and watch the recovery",
    text: "Start “product” again. Then place another order, or repeat the refused request.",
    link: () => linkTo("break"),
    linkText: "To the services",
    command: "npx parley start product",
    lesson:
      "The breaker permits one trial call, and closes when it succeeds. The refused request can be repeated: the same request id never creates a second order.",
    done: () => seen.productBack.value,
  },
  {
    title: "Stop notification without losing events",
    text: "Stop “notification” and wait until it has stopped. Place an order: it is confirmed nevertheless. Then start “notification” again.",
    link: () => linkTo("break"),
    linkText: "To the services",
    command: "npx parley stop notification",
    lesson:
      "The order's event is in the outbox, which was written in the same transaction as the order. It is delivered when the consumer is available again, and takes effect once.",
    done: () => seen.notificationDown.value && seen.orderWhileDown.value && seen.notified.value,
  },
];

/** Whether the page can start and stop services. */
export const hasControl = computed(() => session.value?.stack !== undefined);

let watching = false;

export function startTour(): void {
  tourStep.value = 0;
  tourBegun.value = true;
  if (!watching) {
    watching = true;
    watchEvents();
  }
}

/** Records the events that complete steps. Each one counts only from its own step on. */
function watchEvents(): void {
  let earlierOrder: string | undefined;
  effect(() => {
    const step = tourStep.value;
    const orders = ordersConfirmed();
    const latest = sent.value?.answers.at(-1)?.id;
    if (step !== 4) {
      earlierOrder = latest;
    }
    if (step === 2) {
      seen.productDown.value ||= isDown("product");
      seen.orderFailed.value ||= seen.productDown.value && sent.value?.error !== undefined;
    }
    if (step === 3) {
      seen.productBack.value ||=
        seen.productDown.value && !isDown("product") && sent.value?.error === undefined && orders > 0;
    }
    if (step === 4) {
      seen.notificationDown.value ||= isDown("notification");
      // The order may be known before the state of the process.
      seen.orderWhileDown.value ||= isDown("notification") && latest !== earlierOrder && !isNotified(latest);
    }
  });
  effect(() => {
    callsVersion.value;
    if (tourStep.value === 2 && rows.slice(-200).some((row) => marksOf(row).includes("breaker open"))) {
      seen.breakerOpen.value = true;
    }
  });
  effect(() => {
    if (seen.orderWhileDown.value && !isDown("notification")) {
      seen.notified.value ||= isNotified(sent.value?.answers.at(-1)?.id);
    }
  });
}

/** Whether the notification of an order has been written. */
function isNotified(orderId: string | undefined): boolean {
  return orderId !== undefined && written.value.some((notification) => notification.orderId === orderId);
}
