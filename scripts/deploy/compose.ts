import { adminPort, type DeployedService, environmentOf, indented, stopSeconds } from "./deployment.ts";
import { productionSettingsOf } from "./production-settings.ts";

const keysFolder = "/keys";

/** compose.yaml: all services, a PostgreSQL for each, Redis, nginx as the ingress, and monitoring. */
export function composeFile(services: readonly DeployedService[]): string {
  return `# All of Parley on one machine: \`docker compose up\`. Made by \`npm run generate\` from the services in packages/*/package.json.
# Set POSTGRES_PASSWORD, SIGNING_KEY_SECRET and ADMIN_PASSWORD in .env before others can reach it: the defaults are for trying out. The other
# variables of this file are set there too; settings that it does not name (docs/running.md) are set in settings.env, for all services.
name: parley

x-service: &service
  image: parley:\${PARLEY_VERSION:-local}
  build:
    context: .
    dockerfile: deploy/image/Containerfile
  restart: unless-stopped
  deploy:
    replicas: \${REPLICAS:-1}
  env_file: [{ path: settings.env, required: false }]
  read_only: true
  tmpfs: [/tmp]
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  stop_grace_period: ${stopSeconds}s
  healthcheck:
    test: [CMD, parley, health]
    interval: 5s
    timeout: 3s
    retries: 12
    start_period: 10s

x-postgres: &postgres
  image: postgres:\${POSTGRES_VERSION:-18}
  restart: unless-stopped
  stop_grace_period: 60s

services:
  # Makes the keys with which services prove themselves to each other, once.
  keys:
    image: parley:\${PARLEY_VERSION:-local}
    build:
      context: .
      dockerfile: deploy/image/Containerfile
    command: [keys, --folder, ${keysFolder}]
    restart: "no"
    volumes: ["keys:${keysFolder}"]

${services.map((service) => composeService(service, services)).join("\n")}
${services
  .filter(({ database }) => database)
  .map(composeDatabase)
  .join("\n")}
  redis:
    image: redis:\${REDIS_VERSION:-8}
    restart: unless-stopped
    # Events are kept by their sender until they are acknowledged: Redis only carries them.
    command: [redis-server, --save, "", --appendonly, "no", --maxmemory, 256mb, --maxmemory-policy, noeviction]
    healthcheck: { test: [CMD, redis-cli, ping], interval: 5s, timeout: 3s, retries: 12 }

  # BROKER_URL=kafka://kafka:9092 docker compose --profile kafka up
  kafka:
    image: apache/kafka:\${KAFKA_VERSION:-4.2.0}
    restart: unless-stopped
    profiles: [kafka]
    environment:
      KAFKA_NODE_ID: "1"
      KAFKA_PROCESS_ROLES: broker,controller
      KAFKA_LISTENERS: PLAINTEXT://:9092,CONTROLLER://:9093
      KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://kafka:9092
      KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
      KAFKA_CONTROLLER_QUORUM_VOTERS: 1@localhost:9093
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1"
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1"
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1"
    volumes: ["kafka:/var/lib/kafka/data"]

  nginx:
    image: nginx:\${NGINX_VERSION:-1.31}
    restart: unless-stopped
    ports: ["\${HTTP_PORT:-8080}:8080"]
    volumes: ["./deploy/nginx/compose.conf:/etc/nginx/nginx.conf:ro"]
    depends_on:
      gateway: { condition: service_healthy }

  prometheus:
    image: prom/prometheus:\${PROMETHEUS_VERSION:-v3.7.3}
    restart: unless-stopped
    profiles: [telemetry]
    command: [--config.file=/etc/prometheus/compose.yml, --enable-feature=exemplar-storage]
    ports: ["127.0.0.1:9091:9090"]
    volumes: ["./deploy/prometheus:/etc/prometheus:ro", "prometheus:/prometheus"]

  alertmanager:
    image: prom/alertmanager:\${ALERTMANAGER_VERSION:-v0.28.1}
    restart: unless-stopped
    profiles: [telemetry]
    command: [--config.file=/etc/alertmanager/alertmanager.yml, --storage.path=/alertmanager]
    ports: ["127.0.0.1:9093:9093"]
    volumes: ["./deploy/prometheus/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro"]

  grafana:
    image: grafana/grafana:\${GRAFANA_VERSION:-12.3.0}
    restart: unless-stopped
    profiles: [telemetry]
    ports: ["127.0.0.1:3000:3000"]
    volumes:
      - ./deploy/grafana/dashboards:/var/lib/grafana/dashboards:ro
      - ./deploy/grafana/provisioning:/etc/grafana/provisioning:ro
      - grafana:/var/lib/grafana

  collector:
    image: otel/opentelemetry-collector:\${COLLECTOR_VERSION:-0.140.0}
    restart: unless-stopped
    profiles: [telemetry]
    command: [--config=/etc/collector.yaml]
    volumes: ["./deploy/collector/collector.yaml:/etc/collector.yaml:ro"]

volumes:
  keys:
  prometheus:
  grafana:
  kafka:
${services
  .filter(({ database }) => database)
  .map(({ name }) => `  ${name}-data:`)
  .join("\n")}
`;
}

/**
 * compose.debug.yaml: runs this checkout's sources instead of the image's, restarts on changes, and opens a debugger port for
 * each service.
 */
export function composeDebugFile(services: readonly DeployedService[]): string {
  return `# For work on the services: docker compose -f compose.yaml -f compose.debug.yaml up
# Sources of this checkout with its node_modules (npm ci first), restarted when they change; debug logs; a debugger on 127.0.0.1 for each service.
# Made by \`npm run generate\`.
services:
${services
  .map(
    ({ name, main }, index) => `  ${name}:
    entrypoint: [node, --watch, /sources/${main}]
    command: []
    working_dir: /sources
    read_only: false
    environment:
      LOG_LEVEL: debug
      # A restart waits for no idle connection of nginx.
      HTTP1_DRAIN_MS: "0"
      NODE_OPTIONS: --inspect=0.0.0.0:9229
    ports: ["127.0.0.1:${9229 + index}:9229"]
    volumes: [".:/sources:ro"]
`,
  )
  .join("\n")}`;
}

function composeService(service: DeployedService, services: readonly DeployedService[]): string {
  const { name, database } = service;
  const environment = {
    ...environmentOf(service, { services, keysFolder, target: ({ name: callee, port }) => `dns:///${callee}:${port}` }),
    ...(database
      ? {
          DATABASE_URL: `postgres://parley:\${POSTGRES_PASSWORD:-parley}@${name}-db:5432/${name}`,
          BROKER_URL: fromShell("BROKER_URL", "redis://redis:6379"),
        }
      : {}),
    ...(name === "user"
      ? { SIGNING_KEY_SECRET: fromShell("SIGNING_KEY_SECRET", "for-trying-out-only-set-your-own-here") }
      : {}),
    ERROR_HELP_URL: fromShell("ERROR_HELP_URL", `http://localhost:${fromShell("HTTP_PORT", "8080")}/docs/errors.md`),
    ...Object.fromEntries(
      productionSettingsOf(service).map(({ variable, value, composeValue = value }) => [
        variable,
        fromShell(variable, composeValue),
      ]),
    ),
  };
  const waits = [
    "keys: { condition: service_completed_successfully }",
    ...(database ? [`${name}-db: { condition: service_healthy }`, "redis: { condition: service_healthy }"] : []),
    ...(name === "gateway" ? service.calls.map((callee) => `${callee}: { condition: service_healthy }`) : []),
  ];
  return `  ${name}:
    <<: *service
    command: [run, ${name}]
    environment:
${indented(
  Object.entries(environment).map(([variable, value]) => `${variable}: ${JSON.stringify(value)}`),
  6,
)}
    volumes: ["keys:${keysFolder}:ro"]
    expose: ["${service.port}", "${adminPort}"]
    depends_on:
${indented(waits, 6)}
`;
}

function composeDatabase({ name }: DeployedService): string {
  return `  ${name}-db:
    <<: *postgres
    environment:
      POSTGRES_USER: parley
      POSTGRES_PASSWORD: \${POSTGRES_PASSWORD:-parley}
      POSTGRES_DB: ${name}
    volumes: ["${name}-data:/var/lib/postgresql"]
    healthcheck: { test: [CMD-SHELL, "pg_isready -U parley -d ${name}"], interval: 5s, timeout: 3s, retries: 12 }
`;
}

/** A variable of the shell or of .env, with its default. */
function fromShell(variable: string, otherwise: string): string {
  return `\${${variable}:-${otherwise}}`;
}
