import { writeSync } from "node:fs";
import { openDatabase } from "../open-database.ts";

// A program for a test to kill: it runs many concurrent transactions that write rows, and prints each number once it is durable.
const [url = ""] = process.argv.slice(2);
const database = await openDatabase(url, {
  migrations: [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)" }],
});
const first = (await database.get<{ next: number }>("SELECT COALESCE(MAX(a), 0) + 1 AS next FROM t"))?.next ?? 1;
let next = first;

async function writeOn(): Promise<never> {
  for (;;) {
    const number = next++;
    await database.transaction(async (transaction) => {
      await transaction.run("INSERT INTO t (a, b) VALUES (?, ?)", number, "half");
      await transaction.run("UPDATE t SET b = ? WHERE a = ?", "whole", number);
    });
    // Written synchronously: the process may be killed before a buffer is flushed.
    writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, writeOn));
