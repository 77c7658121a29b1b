import type { Migration } from "@parley/store";

/**
 * The tables of an event log and its relay. Goes with the migrations of each service that has events.
 *
 * An event waits for its effect as long as `event_waiting` has its sequence: what is done is taken out of that small table, and the log
 * itself is written once.
 *
 * `event_log_head` gives out the sequences. Whoever appends holds its one row until the commit, so that sequences have no gaps and become
 * visible in order: a reader that has seen one has seen, or can read, all before it. A number that the database gave out by itself
 * would be given out before the commit, and a watcher could pass it by.
 */
export const eventMigrations: readonly Migration[] = [
  {
    id: "events/0001-event-log",
    sql: `
      CREATE TABLE event_log (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        partition_number INTEGER NOT NULL,
        partition_key TEXT NOT NULL,
        create_time BIGINT NOT NULL,
        state INTEGER NOT NULL,
        event BLOB NOT NULL
      );
      CREATE INDEX event_log_waiting ON event_log (sequence) WHERE state = 0;
      CREATE TABLE event_log_pruned (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        through_sequence BIGINT NOT NULL
      );
      INSERT INTO event_log_pruned (single, through_sequence) VALUES (1, 0);
      CREATE TABLE event_publishers (
        owner TEXT PRIMARY KEY,
        expire_time BIGINT NOT NULL
      );
      CREATE TABLE event_leases (
        partition_number INTEGER PRIMARY KEY,
        owner TEXT NOT NULL,
        expire_time BIGINT NOT NULL
      );
    `,
  },
  {
    id: "events/0002-event-waiting",
    sql: `
      CREATE TABLE event_waiting (
        sequence INTEGER PRIMARY KEY,
        partition_number INTEGER NOT NULL,
        partition_key TEXT NOT NULL
      );
      INSERT INTO event_waiting (sequence, partition_number, partition_key)
        SELECT sequence, partition_number, partition_key FROM event_log WHERE state = 0;
      DROP INDEX event_log_waiting;
      ALTER TABLE event_log DROP COLUMN state;
      ALTER TABLE event_log DROP COLUMN partition_number;
      ALTER TABLE event_log DROP COLUMN partition_key;
    `,
  },
  {
    // How far the log was pruned for each type and audience, so that a watcher is told that events are gone only if some of its own are. Of
    // what was pruned before, only the place is known. There are as many rows as there are buyers and products.
    id: "events/0003-pruned-audiences",
    sql: `
      CREATE TABLE event_log_pruned_audience (
        type TEXT NOT NULL,
        audience TEXT NOT NULL,
        through_sequence BIGINT NOT NULL,
        PRIMARY KEY (type, audience)
      );
      ALTER TABLE event_log_pruned ADD COLUMN unlisted_through_sequence BIGINT NOT NULL DEFAULT 0;
      UPDATE event_log_pruned SET unlisted_through_sequence = through_sequence;
    `,
  },
  {
    id: "events/0004-event-log-head",
    sql: `
      CREATE TABLE event_log_head (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        last_sequence BIGINT NOT NULL
      );
      INSERT INTO event_log_head (single, last_sequence)
        SELECT 1, COALESCE((SELECT MAX(sequence) FROM event_log), through_sequence) FROM event_log_pruned;
    `,
  },
];
