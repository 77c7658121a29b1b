export { type Backup, BackupError, backUpSqlite } from "./back-up-sqlite.ts";
