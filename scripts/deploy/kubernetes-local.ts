import type { DeployedService } from "./deployment.ts";

/**
 * deploy/kubernetes/overlays/local/services: what the overlay for a laptop has for each service. One replica, and a database in the stand-in for
 * PostgreSQL with the Secret that names it.
 */
export function kubernetesLocalServices(services: readonly DeployedService[]): ReadonlyMap<string, string> {
  const databases = services.filter(({ database }) => database).map(({ name }) => name);
  return new Map([
    ["kustomization.yaml", component(services, databases)],
    ["databases.yaml", databaseList(databases)],
  ]);
}

function component(services: readonly DeployedService[], databases: readonly string[]): string {
  const secrets = databases.map(
    (name) => `  - name: ${name}-database
    literals: ["url=postgres://parley:parley@postgres:5432/${name}"]`,
  );
  const replicas = services.map(({ name }) => `  - { name: ${name}, count: 1 }`);
  return `# What the local overlay has for each service. Made by \`npm run generate\`.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources:
  - databases.yaml
secretGenerator:
${secrets.join("\n")}
replicas:
${replicas.join("\n")}
`;
}

function databaseList(databases: readonly string[]): string {
  return `# The databases that the stand-in for PostgreSQL makes at its first start. Made by \`npm run generate\`.
apiVersion: v1
kind: ConfigMap
metadata:
  name: postgres-databases
data:
  databases.sql: |
${databases.map((name) => `    CREATE DATABASE "${name}";`).join("\n")}
`;
}
