// From a new service to its first call, in a separate clone: no file is edited by hand.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freeOffset } from "../e2e/running-stack.ts";
import { type FreshClone, freshClone } from "./fresh-clone.ts";

const parley = "packages/cli/src/bin.ts";
const vitest = "node_modules/vitest/vitest.mjs";
/** A timeout that only a hanging program reaches, in milliseconds. */
const stepMaxMs = 600_000;

/** Uses the new client property: type-checked by `npm run check`, and run against the gateway. */
const program = `import { createParleyClient } from "@parley/client";

const { reviews } = createParleyClient({ baseUrl: process.argv[2] ?? "" });
const { review } = await reviews.createReview({ name: "By the client" });
const approved = await reviews.approveReview({ reviewId: review?.id ?? "" });
console.log(approved.review?.name);
`;

let clone: FreshClone;
beforeAll(async () => {
  clone = await freshClone();
}, stepMaxMs);
afterAll(() => clone?.[Symbol.asyncDispose](), stepMaxMs);

test("parley new service creates a service, and prints the next steps", { timeout: stepMaxMs }, async () => {
  const output = await clone.run(parley, "new", "service", "review");
  expect(output).toContain("The service review was created. It listens on port 50055.");
  expect(output).toContain("npx vitest run packages/review");
  expect(await clone.run(parley, "new", "method", "review", "ApproveReview")).toContain("POST /reviews/{id}:approve");
});

test("a name of several words works everywhere", { timeout: stepMaxMs }, async () => {
  await clone.run(parley, "new", "service", "gift-card");
  await clone.run(parley, "new", "method", "gift-card", "MarkGiftCardAsSpent");
});

test("every deployment file has the entries of the new services", { timeout: stepMaxMs }, async () => {
  // Every file that names one of the other services, but for the files of one service and for what singles some out.
  const files = (await clone.git("grep", "-lwE", "product|50052", "--", "compose*.yaml", "deploy")).trim().split("\n");
  const perService = files.filter(
    (file) => !/base\/(user|product|order)\.yaml|\/(dashboards|rules|tests)\/|smoke\.sh|production/.test(file),
  );
  expect(perService.length).toBeGreaterThan(8);
  const lacking: string[] = [];
  for (const file of perService) {
    const text = await readFile(join(clone.folder, file), "utf8");
    lacking.push(...["review", "gift-card"].filter((name) => !text.includes(name)).map((name) => `${file}: ${name}`));
  }
  expect(lacking).toEqual([]);
  for (const name of ["review", "gift-card"]) {
    expect(await readFile(join(clone.folder, `deploy/kubernetes/base/${name}.yaml`), "utf8")).toContain(`run, ${name}`);
  }
});

test("npm ci installs the clone with its new services", { timeout: stepMaxMs }, async (context) => {
  if (process.env.CI !== "true") {
    return context.skip("npm ci takes half a minute and the registry: it runs where CI=true");
  }
  await clone.install();
});

test("the new services pass npm run check and all tests that cover every service", {
  timeout: stepMaxMs,
}, async () => {
  await writeFile(join(clone.folder, "test/uses-review.ts"), program);
  await clone.run("scripts/check.ts");
  const everyService = ["test/guides.test.ts", "test/e2e/access-guide.test.ts", "packages/cli/src/contract"];
  await clone.run(vitest, "run", "packages/review", "packages/gift-card", ...everyService);
});

test("the new service is called by CLI, REST and the client", { timeout: stepMaxMs }, async () => {
  const offset = await freeOffset();
  const gateway = `http://127.0.0.1:${8080 + offset}`;
  const data = join(clone.folder, "data");
  const offsetOption = ["--port-offset", String(offset)];
  await clone.start("Parley is up.", parley, "up", "--only", "review,gateway", "--data", data, ...offsetOption);
  const byCli = await clone.run(parley, "review", "create", "--name", "By the CLI", "--json", ...offsetOption);
  const { review } = JSON.parse(byCli) as { readonly review: { readonly id: string } };
  const approve = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  const approved = await fetch(`${gateway}/reviews/${review.id}:approve`, approve);
  expect(await approved.json()).toEqual({ review });
  expect(await clone.run("test/uses-review.ts", gateway)).toBe("By the client\n");
  const listed = await (await fetch(`${gateway}/reviews`)).json();
  expect(listed).toMatchObject({ reviews: [{ name: "By the CLI" }, { name: "By the client" }] });
  const unknown = await fetch(`${gateway}/reviews/missing`);
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({
    error: { details: expect.arrayContaining([expect.objectContaining({ reason: "REVIEW_NOT_FOUND" })]) },
  });
});
