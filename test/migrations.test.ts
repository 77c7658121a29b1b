import { createHash } from "node:crypto";
import { notificationMigrations } from "@parley/notification";
import { orderMigrations } from "@parley/order";
import { productMigrations } from "@parley/product";
import type { Migration } from "@parley/store";
import { userMigrations } from "@parley/user";
import { expect, test } from "vitest";

/** The hashes of released migrations, which existing databases have applied: a service refuses to start if one was changed afterwards. */
const released: Readonly<Record<string, string>> = {
  "user events/0001-event-log": "577f7fa1c3c4cd02",
  "user events/0002-event-waiting": "7c306ed15dc0eb1f",
  "user request-ids/1-request-ids": "bfa4a162b0a10e4a",
  "user 0001-users": "7b5ed3270fe4871b",
  "user 0002-refresh-tokens": "fadda592c7769e0b",
  "user 0003-signing-keys": "1fcab097872cdfde",
  "product events/0001-event-log": "577f7fa1c3c4cd02",
  "product events/0002-event-waiting": "7c306ed15dc0eb1f",
  "product request-ids/1-request-ids": "bfa4a162b0a10e4a",
  "product 0001-products": "aa4e60d39bc538c1",
  "product 0002-reservations": "385964e23b43cfcc",
  "order events/0001-event-log": "577f7fa1c3c4cd02",
  "order events/0002-event-waiting": "7c306ed15dc0eb1f",
  "order order/0001-orders": "80405d439645e71b",
  "notification 0001-notifications": "c5dca4310e7570e8",
  "notification inbox/0001-inbox": "ad7b30eb4f19bf09",
  "notification inbox/0002-no-index-by-time": "9230be3f5c9908de",
};

const current: Readonly<Record<string, readonly Migration[]>> = {
  user: userMigrations,
  product: productMigrations,
  order: orderMigrations,
  notification: notificationMigrations,
};

test("the text of every released migration is unchanged", () => {
  const hashes = Object.fromEntries(
    Object.entries(current).flatMap(([service, migrations]) =>
      migrations.map(({ id, sql }) => [`${service} ${id}`, hashOf(sql)]),
    ),
  );
  expect(hashes).toMatchObject(released);
});

function hashOf(sql: string): string {
  return createHash("sha256").update(sql).digest("hex").slice(0, 16);
}
