// Stands in for a service in the tests of `parley up`: a process with a port, `/health`, JSON log lines and signals.
// FAKE_<NAME> selects its behaviour, with words separated by commas.
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

const name = process.env.FAKE_NAME ?? "fake";
const behaviour = (process.env[`FAKE_${name.toUpperCase()}`] ?? "").split(",");

function log(msg: string, fields: Readonly<Record<string, unknown>> = {}) {
  console.log(JSON.stringify({ level: 30, time: Date.now(), service: name, msg, ...fields }));
}

if (behaviour.includes("crash-at-start")) {
  console.error(`${name} cannot open its database`);
  process.exit(3);
}
if (behaviour.includes("slow")) {
  await wait(1_500);
}

// The first start ends as if its port were in use by a connection of another program; the next one does not.
if (behaviour.includes("port-in-use-once") && !existsSync(`${process.env.FAKE_NOTES}/${name}`)) {
  writeFileSync(`${process.env.FAKE_NOTES}/${name}`, "");
  process.send?.({ kind: "listen-failed", port: Number(process.env.PORT), code: "EADDRINUSE" }, () => process.exit(1));
  await new Promise(() => {});
}
if (behaviour.includes("wrong-settings")) {
  console.error(`${name}: settings are wrong`);
  process.exit(2);
}

const server = createServer((request, response) => {
  if (request.url === "/health") {
    response.writeHead(behaviour.includes("unhealthy") ? 503 : 200).end();
  } else if (request.url === "/crash") {
    console.error(`${name} crashes on request`);
    process.exit(7);
  } else if (request.url === "/environment") {
    response.end(JSON.stringify(process.env));
  } else if (request.url === "/faults") {
    response.end(JSON.stringify((globalThis as Record<symbol, unknown>)[Symbol.for("parley.injected-faults")] ?? []));
  } else {
    response.writeHead(404).end();
  }
});
server.listen(Number(process.env.PORT), "127.0.0.1", () => log("listening", { port: Number(process.env.PORT) }));

process.on("SIGTERM", () => {
  log("draining");
  if (!behaviour.includes("never-ends")) {
    setTimeout(() => {
      log("drained");
      process.exit(behaviour.includes("cuts-calls") ? 1 : 0);
    }, 50);
  }
});
