import { createHash } from "node:crypto";
import { notificationMigrations } from "@parley/notification";
import { orderMigrations } from "@parley/order";
import { productMigrations } from "@parley/product";
import type { Migration } from "@parley/store";
import { userMigrations } from "@parley/user";
import { expect, test } from "vitest";
import { contractingStatements } from "./expanding-statements.ts";

/**
 * The hashes of the migrations of the previous release (deploy/previous-release) and before, which existing databases have applied: a service
 * refuses to start if one was changed afterwards.
 */
const released: Readonly<Record<string, string>> = {
  "user events/0001-event-log": "577f7fa1c3c4cd02",
  "user events/0002-event-waiting": "7c306ed15dc0eb1f",
  "user events/0003-pruned-audiences": "731652a289e489a8",
  "user events/0004-event-log-head": "c65dd1d41f8b9b41",
  "user request-ids/1-request-ids": "bfa4a162b0a10e4a",
  "user 0001-users": "7b5ed3270fe4871b",
  "user 0002-refresh-tokens": "fadda592c7769e0b",
  "user 0003-signing-keys": "1fcab097872cdfde",
  "user 0004-sign-in-times": "f37c2b9d25c6f814",
  "product events/0001-event-log": "577f7fa1c3c4cd02",
  "product events/0002-event-waiting": "7c306ed15dc0eb1f",
  "product events/0003-pruned-audiences": "731652a289e489a8",
  "product events/0004-event-log-head": "c65dd1d41f8b9b41",
  "product request-ids/1-request-ids": "bfa4a162b0a10e4a",
  "product 0001-products": "aa4e60d39bc538c1",
  "product 0002-reservations": "385964e23b43cfcc",
  "order events/0001-event-log": "577f7fa1c3c4cd02",
  "order events/0002-event-waiting": "7c306ed15dc0eb1f",
  "order events/0003-pruned-audiences": "731652a289e489a8",
  "order events/0004-event-log-head": "c65dd1d41f8b9b41",
  "order order/0001-orders": "80405d439645e71b",
  "notification 0001-notifications": "c5dca4310e7570e8",
  "notification 0002-failed-notifications": "5f99441b62d48468",
  "notification 0003-notification-head": "0d7b806e149ce098",
  "notification inbox/0001-inbox": "ad7b30eb4f19bf09",
  "notification inbox/0002-no-index-by-time": "9230be3f5c9908de",
};

const services: Readonly<Record<string, readonly Migration[]>> = {
  user: userMigrations,
  product: productMigrations,
  order: orderMigrations,
  notification: notificationMigrations,
};
const current = Object.entries(services).flatMap(([service, migrations]) =>
  migrations.map(({ id, sql }) => ({ name: `${service} ${id}`, id, sql })),
);

test("the text of every released migration is unchanged", () => {
  const hashes = Object.fromEntries(current.map(({ name, sql }) => [name, hashOf(sql)]));
  expect(hashes).toMatchObject(released);
});

test("a migration that the previous release lacks only adds, or is named a contraction", () => {
  const found = current
    .filter(({ name, id }) => !(name in released) && !/\d+-contract-/.test(id))
    .flatMap(({ name, sql }) => contractingStatements(sql).map((statement) => `${name}: ${statement}`));
  expect(found).toEqual([]);
});

test.each([
  ["CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL); CREATE UNIQUE INDEX t_n ON t (n)", true],
  ["CREATE INDEX old_n ON old (n)", true],
  [
    "ALTER TABLE old ADD COLUMN note TEXT; ALTER TABLE old ADD COLUMN n BIGINT NOT NULL DEFAULT 0; UPDATE old SET n = 1",
    true,
  ],
  ["DROP INDEX old_n", true],
  ["CREATE UNIQUE INDEX old_n ON old (n)", false],
  ["ALTER TABLE old ADD COLUMN n BIGINT NOT NULL", false],
  ["ALTER TABLE old ADD COLUMN n BIGINT DEFAULT 0 CHECK (n >= 0)", false],
  ["ALTER TABLE old DROP COLUMN n", false],
  ["ALTER TABLE old RENAME COLUMN n TO m", false],
  ["ALTER TABLE old RENAME TO older", false],
  ["DROP TABLE old", false],
  ["DELETE FROM old", false],
])("knows what only adds: %s: %s", (sql, onlyAdds) => {
  expect(contractingStatements(sql).length === 0).toBe(onlyAdds);
});

function hashOf(sql: string): string {
  return createHash("sha256").update(sql).digest("hex").slice(0, 16);
}
