import {
  DashboardBuilder,
  DashboardCursorSync,
  type DataSourceRef,
  DatasourceVariableBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatPanel } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesPanel } from "@grafana/grafana-foundation-sdk/timeseries";

/** Chosen where the dashboard is shown: whichever Prometheus scrapes the platform. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax for a variable.
const datasource: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

/** One line of a panel. */
export interface Query {
  readonly expr: string;
  /** How a series is called: `{{process}}`. */
  readonly legend: string;
}

export interface PanelOptions {
  readonly title: string;
  readonly description: string;
  /** Grafana's unit: `s`, `reqps`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

/** Lines over time, half as wide as the dashboard. */
export function graph({ title, description, unit, queries }: PanelOptions): TimeseriesPanel {
  const panel = new TimeseriesPanel().title(title).description(description).unit(unit).datasource(datasource);
  panel.span(12).height(8);
  for (const [index, { expr, legend }] of queries.entries()) {
    panel.withTarget(
      target(index, expr)
        .legendFormat(legend)
        .exemplar(/_bucket\b/.test(expr)),
    );
  }
  return panel;
}

/** One number for each series, a quarter as wide as the dashboard. */
export function figure({ title, description, unit, queries }: PanelOptions): StatPanel {
  const panel = new StatPanel().title(title).description(description).unit(unit).datasource(datasource);
  panel.span(6).height(5);
  for (const [index, { expr, legend }] of queries.entries()) {
    panel.withTarget(target(index, expr).legendFormat(legend).instant());
  }
  return panel;
}

function target(index: number, expr: string): DataqueryBuilder {
  return new DataqueryBuilder()
    .expr(expr)
    .refId(String.fromCharCode(65 + index))
    .datasource(datasource);
}

export interface DashboardOptions {
  /** Part of its address: never changed. */
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly (TimeseriesPanel | StatPanel)[];
}

/** A dashboard of the platform, with its data source to be chosen. */
export function dashboard({ uid, title, panels }: DashboardOptions) {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .tags(["parley"])
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const panel of panels) {
    builder.withPanel(panel);
  }
  return builder.build();
}
