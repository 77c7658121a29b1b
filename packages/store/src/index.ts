export type { Database, Migration, Reader, Row, SqlValue, Transaction } from "./database.ts";
