export type { CommitPoint } from "../sqlite/group-commit-options.ts";
export { type CrashableDatabase, type CrashableOptions, createCrashableDatabase } from "./crashable-database.ts";
export { type CrashableFileOptions, createCrashableFile } from "./crashable-file.ts";
export { describeDatabase } from "./describe-database.ts";
export { describeReplicas, type OpenReplicas, type Replicas } from "./describe-replicas.ts";
export { describeInterleavings, type Operation, type Subject } from "./interleavings/describe-interleavings.ts";
export {
  createTestSchema,
  openTestDatabase,
  type TestSchema,
  testDatabasesIdle,
  testPostgresUrl,
  testRuns,
} from "./test-database.ts";
