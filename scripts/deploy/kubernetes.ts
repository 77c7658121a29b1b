import { adminPort, type DeployedService, environmentOf, indented, stopSeconds } from "./deployment.ts";
import { productionSettings, productionSettingsOf } from "./production-settings.ts";

const keysFolder = "/keys";

/** deploy/kubernetes/base: a file for each service, and the kustomization that lists them. */
export function kubernetesBase(services: readonly DeployedService[]): ReadonlyMap<string, string> {
  const files = new Map(services.map((service) => [`${service.name}.yaml`, serviceManifests(service, services)]));
  files.set("migration.yaml", migrationJobs(services));
  files.set("network-policies.yaml", networkPolicies(services));
  files.set("kustomization.yaml", kustomization(services));
  return files;
}

function serviceManifests(service: DeployedService, services: readonly DeployedService[]): string {
  const { name, port, database } = service;
  const environment = environmentOf(service, {
    services,
    keysFolder,
    // The search domains of the pod complete the name. The service is headless: DNS returns the address of each ready replica.
    target: ({ name: callee, port: at }) => `dns:///${callee}:${at}`,
  });
  const variables = [
    ...Object.entries(environment).map(
      ([variable, value]) => `- { name: ${variable}, value: ${JSON.stringify(value)} }`,
    ),
    ...(database ? databaseVariables(name) : []),
    ...(name === "user" ? signingKeyVariables : []),
    ...secretVariables(service),
  ];
  return `# Made by \`npm run generate\`. What differs between clusters is in the overlays.
apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${name}
automountServiceAccountToken: false
---
# Headless: its name resolves to the address of each ready pod, and clients balance calls over them.
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels: { app.kubernetes.io/name: ${name}, app.kubernetes.io/part-of: parley }
spec:
  clusterIP: None
  selector: { app.kubernetes.io/name: ${name} }
  ports:
    - { name: rpc, port: ${port}, targetPort: rpc, appProtocol: kubernetes.io/h2c }
    - { name: admin, port: ${adminPort}, targetPort: admin }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { app.kubernetes.io/name: ${name}, app.kubernetes.io/part-of: parley }
spec:
  replicas: 2
  revisionHistoryLimit: 5
  selector:
    matchLabels: { app.kubernetes.io/name: ${name} }
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template:
    metadata:
      labels: { app.kubernetes.io/name: ${name}, app.kubernetes.io/part-of: parley }
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "${adminPort}"
        prometheus.io/path: /metrics
    spec:
      serviceAccountName: ${name}
      automountServiceAccountToken: false
      # Kubernetes would set variables such as ORDER_SERVICE_PORT, which mean something else here.
      enableServiceLinks: false
      # The drain notice, and SHUTDOWN_GRACE_MS after it.
      terminationGracePeriodSeconds: ${stopSeconds}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: { type: RuntimeDefault }
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: { app.kubernetes.io/name: ${name} }
      containers:
        - name: ${name}
          image: parley
          args: [run, ${name}]
          envFrom:
            - configMapRef: { name: parley }
          env:
${indented(variables, 12)}
          ports:
            - { name: rpc, containerPort: ${port} }
            - { name: admin, containerPort: ${adminPort} }
          # The admin port answers without TLS and without a token, and 503 while the service starts or drains.
          startupProbe:
            httpGet: { path: /health, port: admin }
            periodSeconds: 1
            failureThreshold: 60
          readinessProbe:
            httpGet: { path: /health, port: admin }
            periodSeconds: 2
            failureThreshold: 2
          livenessProbe:
            tcpSocket: { port: admin }
            periodSeconds: 10
            failureThreshold: 3
          lifecycle:
            preStop:
              # Endpoints are withdrawn at the same time as SIGTERM is sent: callers that still use the old endpoints are served.
              sleep: { seconds: 5 }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          resources:
            requests: { cpu: 250m, memory: 128Mi }
            limits: { memory: 384Mi }
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            - { name: keys, mountPath: ${keysFolder}, readOnly: true }
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 64Mi }
        - name: keys
          projected:
            sources:
              - configMap: { name: parley-service-keys }
${service.calls.length > 0 ? `              - secret: { name: ${name}-key }\n` : ""}---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${name}
spec:
  minAvailable: 1
  selector:
    matchLabels: { app.kubernetes.io/name: ${name} }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${name}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ${name} }
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: 70 }
  behavior:
    scaleDown: { stabilizationWindowSeconds: 300 }
`;
}

/** References a Secret with the database's URL, which an operator or a managed service creates. */
function databaseVariables(name: string): readonly string[] {
  return [
    `- { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: ${name}-database, key: url } } }`,
    "- { name: BROKER_URL, valueFrom: { secretKeyRef: { name: parley-broker, key: url } } }",
  ];
}

const signingKeyVariables = [
  "- { name: SIGNING_KEY_SECRET, valueFrom: { secretKeyRef: { name: user-signing, key: secret } } }",
];

/** The production settings that come from Secrets, each of which may be missing. */
function secretVariables(service: DeployedService): readonly string[] {
  return productionSettingsOf(service).flatMap(({ variable, secret }) =>
    secret === undefined
      ? []
      : [
          `- name: ${variable}`,
          `  valueFrom: { secretKeyRef: { name: ${secret.name}, key: ${secret.key}, optional: true } }`,
        ],
  );
}

/** One Job per service runs the migrations before a release. Services that start meanwhile wait for the same row lock. */
function migrationJobs(services: readonly DeployedService[]): string {
  return `# Made by \`npm run generate\`.
${services
  .filter(({ database }) => database)
  .map(
    ({ name }) => `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}-migration
  labels: { app.kubernetes.io/name: ${name}-migration, app.kubernetes.io/part-of: parley }
spec:
  backoffLimit: 5
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels: { app.kubernetes.io/name: ${name}-migration, app.kubernetes.io/part-of: parley }
    spec:
      restartPolicy: OnFailure
      serviceAccountName: ${name}
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: migrate
          image: parley
          args: [run, ${name}, --migrate-only]
          env:
            - { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: ${name}-database, key: url } } }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          resources:
            requests: { cpu: 100m, memory: 96Mi }
            limits: { memory: 256Mi }
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 64Mi }
`,
  )
  .join("---\n")}`;
}

/** Allows traffic to each service from its callers, and to every admin port from Prometheus. */
function networkPolicies(services: readonly DeployedService[]): string {
  const callersOf = (callee: DeployedService) =>
    services.filter(
      ({ name, calls }) => name !== callee.name && (calls.includes(callee.name) || callee.name === "user"),
    );
  const policies = services.map((service) => {
    const from =
      service.name === "gateway"
        ? "        - namespaceSelector: {}"
        : callersOf(service)
            .map(({ name }) => `        - podSelector: { matchLabels: { app.kubernetes.io/name: ${name} } }`)
            .join("\n");
    return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${service.name}
spec:
  podSelector:
    matchLabels: { app.kubernetes.io/name: ${service.name} }
  policyTypes: [Ingress]
  ingress:
    - from:
${from}
      ports:
        - { port: rpc, protocol: TCP }
    - from:
        - namespaceSelector: { matchLabels: { parley.dev/monitoring: "true" } }
      ports:
        - { port: admin, protocol: TCP }
`;
  });
  return `# Made by \`npm run generate\`. The kubelet's probes come from the node, which policies do not block.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: nothing-by-default
spec:
  podSelector:
    matchLabels: { app.kubernetes.io/part-of: parley }
  policyTypes: [Ingress]
---
${policies.join("---\n")}`;
}

function kustomization(services: readonly DeployedService[]): string {
  return `# Made by \`npm run generate\`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: parley
resources:
  - namespace.yaml
  - network-policies.yaml
  - migration.yaml
${services.map(({ name }) => `  - ${name}.yaml`).join("\n")}
# Settings of all services; each reads its own. An overlay changes them, and adds others of docs/running.md, with \`behavior: merge\`.
configMapGenerator:
  - name: parley
    literals:
      - LOG_FORMAT=json
${productionSettings
  .filter(({ secret }) => secret === undefined)
  .map(({ variable, value, about }) => `      # ${about}\n      - ${variable}=${value}`)
  .join("\n")}
`;
}
