import { describe } from "vitest";
import type { Database, Migration } from "../database.ts";
import { openDatabase } from "../open-database.ts";
import { createTestSchema, testPostgresUrl } from "./test-database.ts";

/** Opens one empty database as several processes do: each with its own connections. */
export type OpenReplicas = (migrations: readonly Migration[], count: number) => Promise<Replicas>;

export interface Replicas extends AsyncDisposable {
  readonly databases: readonly Database[];
}

/** Tests of several processes that share a database. They need PostgreSQL: `npm run test:postgres`. */
export function describeReplicas(name: string, tests: (openReplicas: OpenReplicas) => void): void {
  if (testPostgresUrl === undefined) {
    console.log(`Left out: ${name}. \`npm run test:postgres\` runs it.`);
  }
  describe.skipIf(testPostgresUrl === undefined)(name, () => tests(openReplicas));
}

const openReplicas: OpenReplicas = async (migrations, count) => {
  const schema = await createTestSchema(testPostgresUrl ?? "");
  const databases = await Promise.all(Array.from({ length: count }, () => openDatabase(schema.url, { migrations })));
  return {
    databases,
    async [Symbol.asyncDispose]() {
      await Promise.all(databases.map((database) => database.close()));
      await schema.drop();
    },
  };
};
