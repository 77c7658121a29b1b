import type { AddressInfo } from "node:net";
import type { Registry } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";
import type { AccessControl } from "../access/guarded-call.ts";
import { WatchedTlsFiles } from "../environment/connections/tls-files.ts";
import type { Environment } from "../environment/environment.ts";
import { Recorder } from "../telemetry/recorder/recorder.ts";
import { traceRoute } from "../telemetry/recorder/trace-route.ts";
import type { ServerConfig, TlsConfig } from "./config/server-config.ts";
import { defaultLimits } from "./config/server-limits.ts";
import { createTrustedConnections } from "./http/trusted-connections.ts";
import { createInProcessTransport } from "./in-process/in-process-transport.ts";
import { createAdminListener } from "./listening/admin-listener.ts";
import { drain } from "./listening/drain.ts";
import { createHttpApp } from "./listening/http-app.ts";
import { createListener } from "./listening/listener.ts";
import { createMetricsPage } from "./listening/metrics-page.ts";
import { createQuickRefusal } from "./listening/refusing/quick-refusal.ts";
import { CallPipeline } from "./pipeline/call-pipeline.ts";
import { serveMethods } from "./pipeline/service-methods.ts";
import type { ServiceEntry, ServiceModule } from "./pipeline/service-module.ts";
import { errorDetailTypes } from "./standard/error-detail-types.ts";
import { createHealth } from "./standard/health.ts";
import { reflectionEntries } from "./standard/reflection.ts";
import { type TelemetryServiceOptions, telemetryEntry, telemetryService } from "./standard/telemetry-service.ts";
import { stockPath } from "./streams/stock/stock-path.ts";
import { createStreamPath } from "./streams/stream-path.ts";
import { createUnaryPath } from "./unary/unary-path.ts";
import { createRefusals } from "./wire/refusals.ts";
import { firstOf } from "./wire/rpc-path.ts";

export interface ServeOptions {
  /** The service's name, for the log. */
  readonly name: string;
  readonly config?: ServerConfig;
  readonly environment: Environment;
  /** Access control. Without it every caller may call every method. */
  readonly authorize?: AccessControl | undefined;
  /** Run around each call, outermost first. None by default. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** The types that `google.protobuf.Any` may contain in JSON. The details of errors by default. */
  readonly registry?: Registry | undefined;
}

/** A server that accepts calls. */
export interface RunningServer {
  /** For example `http://127.0.0.1:50053`. */
  readonly url: string;
  readonly port: number;
  /** The address of metrics, traces and a plaintext health, if they have a port of their own. */
  readonly adminUrl: string | undefined;
  /**
   * Reports NOT_SERVING, sends GOAWAY, drains in-flight calls, then stops the module. Rejects with
   * {@link CallsCutError} if calls did not end within the grace period. Later calls return the same promise.
   */
  close(): Promise<void>;
}

/** Serves a module on one port: gRPC, gRPC-Web and Connect, over HTTP/1.1 and HTTP/2. Resolves once it accepts calls. */
export async function serve(module: ServiceModule, options: ServeOptions): Promise<RunningServer> {
  const { name, config = {}, authorize, interceptors = [], registry = errorDetailTypes } = options;
  const {
    host = "127.0.0.1",
    port = 0,
    shutdownGraceMs = shutdownGraceDefaultMs,
    drainNoticeMs: noticeMs = drainNoticeDefaultMs,
    http1DrainMs = noticeMs,
  } = config;
  const limits = { ...defaultLimits, ...config.limits };
  const recorder = recorderOf(options);
  const environment = { ...options.environment, recorder };
  const tlsFiles = config.tls === undefined ? undefined : watchTls(config.tls, environment);
  const tls = await tlsFiles?.current();
  const metricsPage = createMetricsPage(environment.metrics, environment.clock);
  const errorHelpUrl = config.errorHelpUrl === "off" ? undefined : (config.errorHelpUrl ?? module.errorHelpUrl);
  const trustedConnections = createTrustedConnections();
  const pipeline = new CallPipeline({
    environment,
    limits,
    authorize,
    rate: module.rate,
    trustedProxies: module.trustedProxies,
    trustedConnections,
    explainErrors: config.explainErrors,
    reasonDomain: module.reasonDomain,
    errorHelpUrl,
    name,
  });
  const health = createHealth(module.entries.map(({ service }) => service.typeName));
  const telemetry =
    recorder === undefined || config.telemetry === false
      ? []
      : [telemetryOf(module, { recorder, environment, registry, process: name })];
  const own = [
    health.entry,
    ...(config.reflection === false ? [] : reflectionEntries([...module.entries, ...telemetry, health.entry])),
  ];
  const methods = new Map([
    ...serveMethods(pipeline, { entries: own, exempt: true }),
    ...serveMethods(pipeline, { entries: telemetry, quiet: true }),
    ...serveMethods(pipeline, { entries: module.entries }),
  ]);
  const { httpPlugin } = module;
  const local = createInProcessTransport(pipeline, methods, {
    protocolName: "rest",
    handsOver: true,
    access: authorize,
  });
  // Zero values are written, as in REST: clients expect the list and the number, and ProtoJSON allows both.
  const json = { registry, alwaysEmitImplicit: true };
  const reasons = { domain: module.reasonDomain ?? "", helpUrl: errorHelpUrl };
  const app = await createHttpApp({
    environment,
    reasons,
    health,
    connect: {
      ...stockPath(pipeline, { methods, limits, json }),
      interceptors: [...interceptors],
      jsonOptions: json,
      compressMinBytes: config.compressBytesMin ?? limits.responseBytesMax,
    },
    limits,
    metricsPage: config.admin === undefined ? metricsPage : undefined,
    httpRoutes: [
      ...(module.httpRoutes ?? []),
      ...(recorder === undefined || telemetry.length === 0 || authorize !== undefined || config.admin !== undefined
        ? []
        : [traceRoute(recorder)]),
    ],
    httpPlugin: httpPlugin === undefined ? undefined : (instance) => httpPlugin(instance as FastifyInstance, local),
  });
  const pathOptions = {
    methods,
    limits,
    clock: environment.clock,
    interceptors,
    compressBytesMin: config.compressBytesMin,
    leaveCrossOrigin: httpPlugin !== undefined,
    json,
  };
  let listeningPort: number | undefined;
  const path = firstOf([
    ...(config.rpcPath === "stock"
      ? []
      : [createUnaryPath(pipeline, pathOptions), createStreamPath(pipeline, pathOptions)]),
    createRefusals({
      ...pathOptions,
      reasons,
      explain: config.explainErrors,
      surroundings: { name, directory: module.directory ?? [], port: () => listeningPort },
    }),
  ]);
  const listener = createListener({
    limits,
    tls,
    handle: app.handle,
    path,
    quickRefusal: createQuickRefusal(pipeline, { ...pathOptions, environment }),
    http2: config.http2 ?? environment.http2,
    hostCheck: config.hostCheck,
    isTrusted: module.trustedProxies?.trusts,
    trustedConnections,
    environment,
  });
  tlsFiles?.onChange((material) => listener.renewTls(material));
  const admin = config.admin === undefined ? undefined : createAdminListener({ health, metricsPage, recorder });
  const close = async () => {
    tlsFiles?.stop();
    await module.stop?.();
    await app.close();
    admin?.close();
  };
  let address: AddressInfo;
  let adminAddress: AddressInfo | undefined;
  try {
    adminAddress = await admin?.listen(config.admin?.port ?? 0, config.admin?.host ?? "127.0.0.1");
    // Before the port listens: proxies retry a refused connection on another replica, but not a response with UNAVAILABLE.
    await module.start?.();
    address = await listener.listen(port, host);
  } catch (error) {
    listener.destroy();
    await close();
    throw error;
  }
  listeningPort = address.port;
  health.set("SERVING");
  const stopWatching = module.onReachable?.((problem) => {
    health.set(problem === undefined ? "SERVING" : "NOT_SERVING");
    if (problem === undefined) {
      environment.log.info("dependency is available again");
    } else {
      environment.log.error({ err: problem }, "not serving");
    }
  });
  const url = `${tls === undefined ? "http" : "https"}://${urlHost(address.address)}:${address.port}`;
  const adminUrl = adminAddress && `http://${urlHost(adminAddress.address)}:${adminAddress.port}`;
  environment.log.info({ url, ...(adminUrl && { adminUrl }) }, "serving");
  let closing: Promise<void> | undefined;
  return {
    url,
    port: address.port,
    adminUrl,
    close: () => {
      stopWatching?.();
      closing ??= drain({
        name,
        environment,
        pipeline,
        health,
        listener,
        noticeMs,
        http1DrainMs,
        graceMs: shutdownGraceMs,
        close,
      });
      return closing;
    },
  };
}

/** The environment's recorder; without one, a recorder that keeps the last calls and exports nothing. */
function recorderOf({ environment, config, name }: ServeOptions): Recorder | undefined {
  if (environment.recorder instanceof Recorder) {
    return environment.recorder;
  }
  return config?.telemetry === false ? undefined : new Recorder(environment, { process: name });
}

/** The module's own telemetry service, or the one of this process alone. */
function telemetryOf(
  { telemetry }: ServiceModule,
  options: Pick<TelemetryServiceOptions, "recorder" | "registry" | "process"> & { readonly environment: Environment },
): ServiceEntry {
  const { environment } = options;
  const own = telemetryService({
    ...options,
    clock: environment.clock,
    metrics: environment.metrics,
    replica: environment.newId(),
  });
  return telemetryEntry(telemetry?.(own) ?? own);
}

/** A few round trips, also across regions. */
const drainNoticeDefaultMs = 500;

/** Less than the 30 s after which Kubernetes kills. */
const shutdownGraceDefaultMs = 10_000;

function watchTls(
  { reloadIntervalMs, ...files }: TlsConfig,
  { clock, log }: Pick<Environment, "clock" | "log">,
): WatchedTlsFiles {
  return new WatchedTlsFiles(files, { clock, log, intervalMs: reloadIntervalMs });
}

function urlHost(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
