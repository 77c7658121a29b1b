export type {
  CallOptions,
  Command,
  Database,
  Migration,
  NumberedInsert,
  Outcome,
  Reader,
  Row,
  RowInsert,
  SentStatement,
  SetTransaction,
  SharedWork,
  SqlColumn,
  SqlValue,
  Transaction,
} from "./database.ts";
export { DatabaseClock, type ProcessClock } from "./database-clock.ts";
export { type DatabaseUrl, parseDatabaseUrl, sqliteUrl } from "./database-url.ts";
export { execute } from "./execute.ts";
export {
  answerBefore,
  answerOnce,
  answerOrRefuseOnce,
  idempotencyMigrations,
  type PruningClock,
  type PruningOptions,
  pruneRequestIds,
  type RefusableWork,
  type Refusals,
  type RepeatableCall,
  RequestIdReusedError,
  requestIdRetentionMs,
  startPruningRequestIds,
} from "./idempotency.ts";
export { inParts, insertRows, marksFor } from "./many-rows.ts";
export { observedDatabase, type TransactionObserver, type TransactionTimes } from "./observed-database.ts";
export { type OpenDatabaseOptions, openDatabase, type WhenReachableOptions, whenReachable } from "./open-database.ts";
export { decodePageToken, encodePageToken, InvalidPageTokenError } from "./page-token.ts";
export { type Page, type PagedList, type PageRequest, pageSizeDefault, pageSizeMax, readPage } from "./read-page.ts";
export { databaseTime, insertNumbered } from "./shared-rows.ts";
export { type FileHolder, findFileHolder, heldMessage } from "./sqlite/file-lock.ts";
export type { Schedule } from "./sqlite/group-commit-options.ts";
export { storableText } from "./storable-text.ts";
export {
  ConstraintError,
  type ConstraintKind,
  DatabaseUrlError,
  MigrationError,
  RowsMissingError,
  RunAgainError,
  StoreError,
  type StoreProblem,
  StoreUnavailableError,
  TransactionEndedError,
  TransactionStuckError,
} from "./store-errors.ts";
