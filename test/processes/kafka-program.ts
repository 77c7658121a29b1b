import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { prepareKafka } from "@parley/events/testing";
import { type Program, program } from "./program.ts";

/** A separate Kafka, one node that is its own controller (KRaft), with its data in a folder. Not started yet. */
export async function kafkaProgram(libs: string, folder: string): Promise<Program> {
  const own = join(folder, "kafka");
  await mkdir(own);
  const { port, args, listens } = await prepareKafka(libs, own);
  const url = `kafka://127.0.0.1:${port}`;
  return program({ name: "kafka", url, command: "java", args, isServing: () => listens() });
}
