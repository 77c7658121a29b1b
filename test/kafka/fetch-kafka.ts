import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const version = "4.2.0";
const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley", `kafka-${version}`);
const libs = join(folder, "libs");
const fetchTimeoutMs = 600_000;

/** Kafka's jars, or why there are none. */
export type KafkaLibs = { readonly libs: string } | { readonly missing: string };

/** Finds Kafka's jars in the user's cache, or fetches them from Maven Central into it. */
export async function fetchKafka(): Promise<KafkaLibs> {
  if (!isThere("java")) return { missing: "there is no Java on this machine" };
  if (existsSync(join(libs, `kafka_2.13-${version}.jar`))) return { libs };
  if (!isThere("mvn")) return { missing: "there is no Maven on this machine to fetch Kafka with" };
  console.log(`Fetching Kafka ${version}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "pom.xml"), project);
  const goal = ["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"];
  try {
    await promisify(execFile)("mvn", goal, { cwd: folder, timeout: fetchTimeoutMs });
    return { libs };
  } catch (error) {
    return { missing: `Kafka could not be fetched (${String((error as Error).message).split("\n")[0]})` };
  }
}

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.parley</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

function isThere(program: string): boolean {
  try {
    execFileSync(program, ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
