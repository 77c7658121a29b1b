import type { Migration } from "@parley/store";

/** The tables of an inbox. Part of the migrations of each service that receives events. */
export const inboxMigrations: readonly Migration[] = [
  {
    id: "inbox/0001-inbox",
    sql: `
      CREATE TABLE inbox_events (
        source TEXT NOT NULL,
        event_id TEXT NOT NULL,
        receive_time BIGINT NOT NULL,
        PRIMARY KEY (source, event_id)
      );
      CREATE INDEX inbox_events_by_time ON inbox_events (receive_time);
      CREATE TABLE inbox_failures (
        source TEXT NOT NULL,
        event_id TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        cause TEXT NOT NULL,
        fail_time BIGINT NOT NULL,
        PRIMARY KEY (source, event_id)
      );
      CREATE TABLE dead_letters (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        event_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        subject TEXT NOT NULL,
        cause TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        create_time BIGINT NOT NULL,
        event BLOB NOT NULL,
        UNIQUE (source, event_id)
      );
    `,
  },
  {
    id: "inbox/0002-no-index-by-time",
    // Every event updated this index, and only pruning used it. Pruning scans the table in the order of its primary key instead.
    sql: "DROP INDEX inbox_events_by_time;",
  },
];
