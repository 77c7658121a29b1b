import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * `npm run test:kafka`: runs the broker tests over a real Kafka (KRaft, one node). Its jars come from Maven Central and are
 * cached in the user's cache. Without Java or Maven it is skipped, with a message.
 */
const version = "4.2.0";
const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley", `kafka-${version}`);
const libs = join(folder, "libs");
const fetchTimeoutMs = 600_000;

function isThere(program: string): boolean {
  try {
    execFileSync(program, ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function leaveOut(why: string): never {
  console.log(`Left out, since ${why}: the broker tests over Kafka`);
  process.exit(0);
}

if (!isThere("java")) {
  leaveOut("there is no Java on this machine");
}
if (!existsSync(join(libs, `kafka_2.13-${version}.jar`))) {
  if (!isThere("mvn")) {
    leaveOut("there is no Maven on this machine to fetch Kafka with");
  }
  console.log(`Fetching Kafka ${version}`);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.parley</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`,
  );
  const goal = ["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"];
  await promisify(execFile)("mvn", goal, { cwd: folder, timeout: fetchTimeoutMs }).catch((error) =>
    leaveOut(`Kafka could not be fetched (${String(error.message).split("\n")[0]})`),
  );
}
const words = [
  "run",
  "packages/events/src/broker/broker.test.ts",
  "--testNamePattern",
  "with Kafka",
  "--testTimeout",
  "300000",
];
const tests = spawn("vitest", words, { stdio: "inherit", env: { ...process.env, PARLEY_KAFKA_LIBS: libs } });
const [code] = (await once(tests, "exit")) as [number | null];
process.exit(code ?? 1);
