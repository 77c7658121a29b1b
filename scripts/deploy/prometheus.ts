import { adminPort, type DeployedService } from "./deployment.ts";

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
