import type { ReadMetric, Sample } from "./read-metrics.ts";

/** The content types: Prometheus's default, and OpenMetrics, which supports exemplars. */
export const contentTypes = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

export type MetricsFormat = keyof typeof contentTypes;

/** Negotiates the format from an `accept` header: OpenMetrics if it is listed, Prometheus's text format otherwise. */
export function formatFor(accept: string | undefined): MetricsFormat {
  return /\bapplication\/openmetrics-text\b/.test(accept ?? "") ? "openMetrics" : "prometheus";
}

/** Encodes metrics in the Prometheus text format 0.0.4, or in OpenMetrics 1.0, which has exemplars. */
export function metricsText(metrics: readonly ReadMetric[], format: MetricsFormat): string {
  const isOpen = format === "openMetrics";
  const lines = metrics.flatMap((metric) => {
    // OpenMetrics names a counter family without the suffix `_total` of its samples.
    const name = isOpen && metric.type === "counter" ? metric.name.replace(/_total$/, "") : metric.name;
    return [
      `# HELP ${name} ${escaped(metric.help, isOpen)}`,
      `# TYPE ${name} ${metric.type}`,
      ...metric.samples.map((sample) => line(metric.name, sample, isOpen)),
    ];
  });
  return isOpen ? `${lines.join("\n")}\n# EOF\n` : `${lines.join("\n")}\n`;
}

function line(name: string, { metricName = name, labels, value, exemplar }: Sample, isOpen: boolean): string {
  const text = `${metricName}${labelsText(labels)} ${numberText(value)}`;
  if (!isOpen || exemplar === undefined) {
    return text;
  }
  const { traceId, spanId, value: measured, timeMs } = exemplar;
  return `${text} # {trace_id="${traceId}",span_id="${spanId}"} ${numberText(measured)} ${(timeMs / 1_000).toFixed(3)}`;
}

function labelsText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(labelText(label, value), true)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** OpenMetrics requires bounds as floating point numbers. The Prometheus format accepts them too. */
function labelText(label: string, value: string | number): string {
  return label === "le" && Number.isInteger(value) ? `${value}.0` : String(value);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) {
    return "NaN";
  }
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

function escaped(text: string, quotes: boolean): string {
  const plain = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? plain.replaceAll('"', '\\"') : plain;
}
