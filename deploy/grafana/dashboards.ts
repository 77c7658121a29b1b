import { dashboard, figure, graph } from "./panels.ts";

const serverErrors = 'grpc_status=~"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"';
const unary = 'grpc_method!~".*/Watch.*"';
const quantile = (q: number, by: string, metric: string, filter = "") =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{${filter}}[5m])))`;

const platform = dashboard({
  uid: "parley-platform",
  title: "Parley / Platform",
  panels: [
    figure({
      title: "Processes",
      description: "Processes that Prometheus can scrape.",
      unit: "short",
      queries: [{ expr: 'sum(up{job="parley"})', legend: "up" }],
    }),
    figure({
      title: "Calls",
      description: "Calls of all servers a second.",
      unit: "reqps",
      queries: [{ expr: "sum(rate(grpc_server_call_started_total[5m]))", legend: "calls" }],
    }),
    figure({
      title: "Errors",
      description: "Share of calls that failed because of the server.",
      unit: "percentunit",
      queries: [{ expr: "max(process:parley_errors:ratio_rate5m) or vector(0)", legend: "worst process" }],
    }),
    figure({
      title: "Breakers",
      description: "Circuit breakers that are not closed.",
      unit: "short",
      queries: [{ expr: "count(parley_client_breaker_state > 0) or vector(0)", legend: "not closed" }],
    }),
    graph({
      title: "Calls by process",
      description: "Received calls.",
      unit: "reqps",
      queries: [{ expr: "sum by (process) (rate(grpc_server_call_started_total[5m]))", legend: "{{process}}" }],
    }),
    graph({
      title: "Duration of unary calls, 99th percentile",
      description: "From a call's first bytes to its answer. Exemplars name a trace: `npx parley trace <id>`.",
      unit: "s",
      queries: [{ expr: quantile(0.99, "process", "grpc_server_call_duration_seconds", unary), legend: "{{process}}" }],
    }),
    graph({
      title: "Errors by process",
      description: "Share of calls that failed because of the server.",
      unit: "percentunit",
      queries: [{ expr: "process:parley_errors:ratio_rate5m or on() vector(0)", legend: "{{process}}" }],
    }),
    graph({
      title: "Calls refused for load",
      description: "By process.",
      unit: "reqps",
      queries: [{ expr: "sum by (process) (rate(parley_server_calls_shed_total[5m]))", legend: "{{process}}" }],
    }),
  ],
});

const service = dashboard({
  uid: "parley-service",
  title: "Parley / Service",
  panels: [
    graph({
      title: "Calls by method",
      description: "Received calls.",
      unit: "reqps",
      queries: [
        {
          expr: 'sum by (process, grpc_method) (rate(grpc_server_call_started_total{grpc_method!~"grpc.*"}[5m]))',
          legend: "{{grpc_method}}",
        },
      ],
    }),
    graph({
      title: "Duration by method, 99th percentile",
      description: "From a call's first bytes to its answer.",
      unit: "s",
      queries: [
        { expr: quantile(0.99, "grpc_method", "grpc_server_call_duration_seconds", unary), legend: "{{grpc_method}}" },
      ],
    }),
    graph({
      title: "Outcomes",
      description: "Calls by status.",
      unit: "reqps",
      queries: [
        {
          expr: "sum by (process, grpc_status) (rate(grpc_server_call_duration_seconds_count[5m]))",
          legend: "{{process}} {{grpc_status}}",
        },
      ],
    }),
    graph({
      title: "Errors of the server",
      description: "Calls that failed because of the server, by method.",
      unit: "reqps",
      queries: [
        {
          expr: `sum by (grpc_method) (rate(grpc_server_call_duration_seconds_count{${serverErrors}}[5m])) or on() vector(0)`,
          legend: "{{grpc_method}}",
        },
      ],
    }),
    graph({
      title: "Calls to other services, 99th percentile",
      description: "All attempts included.",
      unit: "s",
      queries: [
        {
          expr: quantile(0.99, "process, grpc_target", "grpc_client_call_duration_seconds"),
          legend: "{{process}} → {{grpc_target}}",
        },
      ],
    }),
    graph({
      title: "Attempts and retries",
      description: "Attempts of calls to other services, and those after the first.",
      unit: "reqps",
      queries: [
        {
          expr: "sum by (process) (rate(grpc_client_attempt_started_total[5m]))",
          legend: "{{process}} attempts",
        },
        { expr: "sum by (process) (rate(grpc_client_call_retries_total[5m]))", legend: "{{process}} retries" },
      ],
    }),
    graph({
      title: "Breakers and retry tokens",
      description: "0 closed, 1 half-open, 2 open; retries stop at 5 tokens.",
      unit: "short",
      queries: [
        { expr: "parley_client_breaker_state", legend: "{{process}} → {{grpc_target}} breaker" },
        { expr: "parley_client_retry_tokens", legend: "{{process}} → {{grpc_target}} tokens" },
      ],
    }),
    graph({
      title: "Calls and streams in flight",
      description: "Places taken, by budget.",
      unit: "short",
      queries: [{ expr: "parley_server_places_taken", legend: "{{process}} {{budget}}" }],
    }),
  ],
});

const orders = dashboard({
  uid: "parley-orders",
  title: "Parley / Order flow",
  panels: [
    graph({
      title: "Orders placed",
      description: "CreateOrder by status.",
      unit: "reqps",
      queries: [
        {
          expr: 'sum by (grpc_status) (rate(grpc_server_call_duration_seconds_count{process="order",grpc_method="order.v1.OrderService/CreateOrder"}[5m]))',
          legend: "{{grpc_status}}",
        },
      ],
    }),
    graph({
      title: "Duration of CreateOrder",
      description: "Median and 99th percentile.",
      unit: "s",
      queries: [0.5, 0.99].map((q) => ({
        expr: quantile(
          q,
          "process",
          "grpc_server_call_duration_seconds",
          'process="order",grpc_method="order.v1.OrderService/CreateOrder"',
        ),
        legend: `p${q * 100}`,
      })),
    }),
    graph({
      title: "Refusals by reason",
      description: "Reasons of refused calls, such as INSUFFICIENT_STOCK.",
      unit: "reqps",
      queries: [
        {
          expr: "sum by (process, reason) (rate(parley_server_call_errors_total[5m])) or on() vector(0)",
          legend: "{{process}} {{reason}}",
        },
      ],
    }),
    graph({
      title: "Orders that are not settled",
      description: "By the phase in which a step remains.",
      unit: "short",
      queries: [{ expr: "sum by (phase) (parley_orders_unsettled)", legend: "{{phase}}" }],
    }),
    graph({
      title: "Age of the oldest order that is not settled",
      description: "By phase.",
      unit: "s",
      queries: [{ expr: "max by (phase) (parley_orders_oldest_unsettled_age_seconds)", legend: "{{phase}}" }],
    }),
    graph({
      title: "Recovery",
      description: "Orders that recovery settled, and attempts that failed.",
      unit: "ops",
      queries: [
        { expr: "rate(parley_orders_recovered_total[5m])", legend: "recovered" },
        { expr: "rate(parley_order_recovery_failures_total[5m])", legend: "failed" },
      ],
    }),
    graph({
      title: "Transactions, 99th percentile",
      description: "Total time, time in the queue, and time of the commit.",
      unit: "s",
      queries: ["transaction", "queue", "commit"].map((part) => ({
        expr: quantile(0.99, "process", `parley_store_${part}_duration_seconds`),
        legend: `{{process}} ${part}`,
      })),
    }),
    graph({
      title: "Transactions",
      description: "By outcome.",
      unit: "ops",
      queries: [
        {
          expr: "sum by (process, outcome) (rate(parley_store_transaction_duration_seconds_count[5m]))",
          legend: "{{process}} {{outcome}}",
        },
      ],
    }),
  ],
});

const events = dashboard({
  uid: "parley-events",
  title: "Parley / Events and mail",
  panels: [
    graph({
      title: "Events published and received",
      description: "Events whose effect is durable, and events that a consumer has processed.",
      unit: "ops",
      queries: [
        { expr: "sum by (process) (rate(parley_events_published_total[5m]))", legend: "{{process}} published" },
        { expr: "sum by (process) (rate(parley_events_received_total[5m]))", legend: "{{process}} received" },
      ],
    }),
    graph({
      title: "Events that wait",
      description: "Stored events whose effect is not durable yet.",
      unit: "short",
      queries: [{ expr: "parley_events_waiting", legend: "{{process}}" }],
    }),
    graph({
      title: "Age of the oldest event that waits",
      description: "By process.",
      unit: "s",
      queries: [{ expr: "parley_events_oldest_waiting_age_seconds", legend: "{{process}}" }],
    }),
    graph({
      title: "Failures, repeats and dead letters",
      description: "Events that are published again, duplicates at a consumer, and dead letters.",
      unit: "short",
      queries: [
        { expr: "sum by (process) (increase(parley_events_publish_failures_total[5m]))", legend: "{{process}} failed" },
        { expr: "sum by (process) (increase(parley_events_repeated_total[5m]))", legend: "{{process}} repeated" },
        { expr: "parley_events_dead_letters", legend: "{{process}} dead letters" },
      ],
    }),
    graph({
      title: "Notifications that are not sent",
      description: "Pending and failed notifications.",
      unit: "short",
      queries: [{ expr: "parley_notifications", legend: "{{state}}" }],
    }),
    graph({
      title: "Age of the oldest pending notification",
      description: "Sending is retried for four days.",
      unit: "s",
      queries: [{ expr: "parley_notifications_oldest_pending_age_seconds", legend: "{{process}}" }],
    }),
  ],
});

const runtime = dashboard({
  uid: "parley-runtime",
  title: "Parley / Runtime",
  panels: [
    graph({
      title: "CPU",
      description: "Cores in use.",
      unit: "short",
      queries: [{ expr: 'rate(process_cpu_seconds_total{job="parley"}[5m])', legend: "{{process}}" }],
    }),
    graph({
      title: "Resident memory",
      description: "By process.",
      unit: "bytes",
      queries: [{ expr: 'process_resident_memory_bytes{job="parley"}', legend: "{{process}}" }],
    }),
    graph({
      title: "Delay of the event loop, 99th percentile",
      description: "How late timers run. 0 when idle.",
      unit: "s",
      queries: [{ expr: 'nodejs_eventloop_delay_seconds{percentile="99"}', legend: "{{process}}" }],
    }),
    graph({
      title: "Use of the event loop",
      description: "Share of the time in which the event loop was active.",
      unit: "percentunit",
      queries: [{ expr: "rate(nodejs_eventloop_active_seconds_total[5m])", legend: "{{process}}" }],
    }),
    graph({
      title: "Garbage collection",
      description: "Share of the time spent in pauses.",
      unit: "percentunit",
      queries: [{ expr: "sum by (process) (rate(nodejs_gc_duration_seconds_sum[5m]))", legend: "{{process}}" }],
    }),
    graph({
      title: "V8's heap",
      description: "Used bytes.",
      unit: "bytes",
      queries: [{ expr: "nodejs_heap_used_bytes", legend: "{{process}}" }],
    }),
    graph({
      title: "Buffered bytes",
      description: "Unfinished requests and unsent responses.",
      unit: "bytes",
      queries: [
        { expr: "parley_server_buffered_request_bytes", legend: "{{process}} requests" },
        { expr: "parley_server_buffered_response_bytes", legend: "{{process}} responses" },
      ],
    }),
    graph({
      title: "Builds and settings",
      description: "Version and main settings of each process.",
      unit: "short",
      queries: [
        { expr: "parley_build_info", legend: "{{process}} {{version}} on Node {{node}}" },
        { expr: "parley_config_info", legend: "{{process}} {{store}} {{broker}} auth {{auth}}" },
      ],
    }),
  ],
});

/** Every dashboard, by the name of its file. */
export const dashboards = {
  "platform.json": platform,
  "service.json": service,
  "orders.json": orders,
  "events.json": events,
  "runtime.json": runtime,
} as const;
