import { adminPort, type DeployedService } from "./deployment.ts";

/** deploy/prometheus/prometheus.yml: scrapes the processes of `parley up` on one machine. */
export function prometheusForMachine(services: readonly DeployedService[]): string {
  const targets = services.map(
    ({ name, port }) => `      - targets: ["127.0.0.1:${port}"]
        labels: { process: ${name} }`,
  );
  return `# Scrapes the processes of \`parley up\` on this machine. Made by \`npm run generate\`. Start it from the repository's top folder:
#   prometheus --config.file=deploy/prometheus/prometheus.yml --enable-feature=exemplar-storage
# Elsewhere replace static_configs by your service discovery (kubernetes_sd_configs, dns_sd_configs), and keep the label \`process\`.
# With AUTH=required scrape each process's ADMIN_PORT.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files:
  - rules/*.yml

scrape_configs:
  - job_name: parley
    static_configs:
${targets.join("\n")}
`;
}

/** deploy/prometheus/compose.yml: scrapes every replica of every service of compose.yaml, by DNS. */
export function prometheusForCompose(services: readonly DeployedService[]): string {
  return `# For compose.yaml: scrapes each replica's admin port, found by DNS. Made by \`npm run generate\`.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files:
  - rules/*.yml

alerting:
  alertmanagers:
    - static_configs:
        - targets: [alertmanager:9093]

scrape_configs:
  - job_name: parley
    dns_sd_configs:
      - type: A
        port: ${adminPort}
        refresh_interval: 15s
        names: [${services.map(({ name }) => name).join(", ")}]
    relabel_configs:
      - { source_labels: [__meta_dns_name], target_label: process }
`;
}
