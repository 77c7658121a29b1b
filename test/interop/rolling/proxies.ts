import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../processes/free-port.ts";
import { type Program, program } from "../../processes/program.ts";

/** A proxy in front of two backends, with one port for HTTP/1.1 and one for gRPC. */
export interface ReverseProxy {
  readonly http1: string;
  readonly grpc: string;
  readonly program: Program;
  /** Whether all backends are in use. */
  isComplete(): Promise<boolean>;
}

export interface ProxyOptions {
  /** The path of the proxy's program. */
  readonly path: string;
  /** The folder of its configuration and its output. */
  readonly folder: string;
  /** host:port of each backend. */
  readonly backends: readonly string[];
}

/**
 * nginx as docs/running.md configures it: failures never mark a backend as unavailable (`max_fails=0`), and connections to
 * backends are persistent. nginx does not retry a POST that was already sent (its default), so that calls dropped by a backend
 * are visible.
 */
export async function nginx({ path, folder, backends }: ProxyOptions): Promise<ReverseProxy> {
  const [http1, grpc] = [await freePort(), await freePort()];
  const servers = backends.map((address) => `server ${address} max_fails=0;`).join(" ");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "nginx.conf");
  await writeFile(
    file,
    `daemon off; master_process off; error_log ${folder}/error.log info; pid ${folder}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  upstream http1 { ${servers} keepalive 64; }
  upstream grpc { ${servers} keepalive 64; }
  server {
    listen 127.0.0.1:${http1};
    location / { proxy_pass http://http1; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }
  }
  server {
    listen 127.0.0.1:${grpc} http2;
    location / { grpc_pass grpc://grpc; grpc_set_header Host $http_host; }
  }
}
`,
  );
  return {
    ...urls(http1, grpc),
    program: proxyProgram("nginx", path, ["-c", file, "-p", folder], http1),
    isComplete: async () => true,
  };
}

/**
 * haproxy with health checks, persistent connections, and its default retries: only requests that were never sent. A health
 * check has a timeout of 2 s and three attempts, so that a backend on a busy machine is not removed.
 */
export async function haproxy({ path, folder, backends }: ProxyOptions): Promise<ReverseProxy> {
  const [http1, grpc, ready] = [await freePort(), await freePort(), await freePort()];
  const servers = (options: string) =>
    backends
      .map((address, index) => `  server s${index} ${address} check inter 2s downinter 500ms rise 1 ${options}`)
      .join("\n");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "haproxy.cfg");
  await writeFile(
    file,
    `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option redispatch 1
  retries 3
frontend http1
  bind 127.0.0.1:${http1}
  default_backend http1
frontend ready
  bind 127.0.0.1:${ready}
  monitor-uri /ready
  monitor fail if { nbsrv(http1) lt ${backends.length} } || { nbsrv(grpc) lt ${backends.length} }
frontend grpc
  bind 127.0.0.1:${grpc} proto h2
  default_backend grpc
backend http1
  option httpchk GET /health
${servers("")}
backend grpc
  option httpchk
  http-check send meth GET uri /health hdr Host localhost
${servers("proto h2")}
`,
  );
  return {
    ...urls(http1, grpc),
    program: proxyProgram("haproxy", path, ["-f", file, "-db"], http1),
    isComplete: () => isOk(`http://127.0.0.1:${ready}/ready`),
  };
}

function urls(http1: number, grpc: number) {
  return { http1: `http://127.0.0.1:${http1}`, grpc: `http://127.0.0.1:${grpc}` };
}

function proxyProgram(name: string, command: string, args: readonly string[], port: number): Program {
  const url = `http://127.0.0.1:${port}`;
  return program({
    name,
    url,
    command,
    args,
    isServing: () => isOk(`${url}/health`),
  });
}

function isOk(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
