import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Icon, type IconName } from "./parts/icons.tsx";
import { lazy } from "./parts/lazy.tsx";
import { Toasts } from "./parts/toasts.tsx";
import { linkTo, route } from "./route.ts";
import { SignInDialog } from "./session/sign-in.tsx";
import { ShellEnd } from "./shell-end.tsx";
import { ShopView } from "./shop/shop-view.tsx";
import { tourBegun } from "./tour/tour-begun.ts";

interface View {
  readonly name: string;
  readonly label: string;
  readonly icon?: IconName;
  readonly component: ComponentType;
}

interface ViewGroup {
  readonly label: string;
  readonly views: readonly View[];
}

const groups: readonly ViewGroup[] = [
  {
    label: "Shop",
    views: [
      { name: "shop", label: "Shop", icon: "shop", component: ShopView },
      {
        name: "orders",
        label: "Orders",
        icon: "orders",
        component: lazy(() => import("./orders/orders-view.tsx").then((module) => module.OrdersView)),
      },
      {
        name: "stock",
        label: "Stock",
        icon: "stock",
        component: lazy(() => import("./stock/stock-view.tsx").then((module) => module.StockView)),
      },
      {
        name: "notifications",
        label: "Notifications",
        icon: "notifications",
        component: lazy(() =>
          import("./notifications/notifications-view.tsx").then((module) => module.NotificationsView),
        ),
      },
      {
        name: "users",
        label: "Users",
        icon: "users",
        component: lazy(() => import("./people/users-view.tsx").then((module) => module.UsersView)),
      },
    ],
  },
  {
    label: "Services",
    views: [
      {
        name: "map",
        label: "Map",
        icon: "map",
        component: lazy(() => import("./map/map-view.tsx").then((module) => module.MapView)),
      },
      {
        name: "calls",
        label: "Calls",
        icon: "calls",
        component: lazy(() => import("./calls/calls-view.tsx").then((module) => module.CallsView)),
      },
      {
        name: "trace",
        label: "Sequences",
        icon: "sequence",
        component: lazy(() => import("./trace/trace-view.tsx").then((module) => module.TraceView)),
      },
    ],
  },
  {
    label: "Try",
    views: [
      {
        name: "tour",
        label: "Tour",
        icon: "tour",
        component: lazy(() => import("./tour/tour-view.tsx").then((module) => module.TourView)),
      },
      {
        name: "explorer",
        label: "Explorer",
        icon: "explorer",
        component: lazy(() => import("./explorer/explorer-view.tsx").then((module) => module.ExplorerView)),
      },
      {
        name: "break",
        label: "Break it",
        icon: "break",
        component: lazy(() => import("./break/break-view.tsx").then((module) => module.BreakView)),
      },
    ],
  },
];

export function App(): JSX.Element {
  const views = groups.flatMap((group) => group.views);
  const current = views.find(({ name }) => name === route.value.view) ?? views[0];
  const Current = current?.component ?? ShopView;
  useEffect(() => {
    document.title = `${current?.label ?? "Parley"} · Parley`;
    // In a narrow window the navigation scrolls sideways.
    document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <div class="shell">
      <button type="button" class="button skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <aside class="side">
        <a class="brand" href={linkTo("shop")} aria-label="Parley">
          <Mark />
          <span>Parley</span>
        </a>
        <nav class="nav" aria-label="Views">
          {groups.map(({ label, views }) => (
            <div key={label} class="nav-group">
              <span>{label}</span>
              {views
                .filter(({ icon }) => icon !== undefined)
                .map(({ name, label, icon = "shop" }) => (
                  <a key={name} href={linkTo(name)} aria-current={name === current?.name ? "page" : undefined}>
                    <Icon name={icon} />
                    <span class="nav-label">{label}</span>
                  </a>
                ))}
            </div>
          ))}
        </nav>
        <ShellEnd />
      </aside>
      <div class="content">
        <Tour />
        <main id="main" tabIndex={-1}>
          <Current key={current?.name} />
        </main>
      </div>
      <Toasts />
      <SignInDialog />
    </div>
  );
}

/** Loaded once a tour was started. */
const TourPanel = lazy(() => import("./tour/tour-panel.tsx").then((module) => module.TourPanel));

function Tour(): JSX.Element | null {
  const begun = tourBegun.value;
  return begun ? <TourPanel /> : null;
}

function Mark(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M8 9.5h10a4.5 4.5 0 0 1 0 9h-5v5H8z" fill="var(--surface)" />
      <circle cx="23.5" cy="22" r="3" fill="var(--surface)" opacity="0.7" />
    </svg>
  );
}
