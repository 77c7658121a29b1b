// `parley up --watch` in a copy of the repository: what is edited restarts, and nothing else.
import type { ChildProcess } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { services } from "@parley/cli";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FreshClone, freshClone } from "../new-service/fresh-clone.ts";
import { freeOffset } from "./running-stack.ts";

const parley = "packages/cli/src/bin.ts";
/** Timeouts that only a hanging program reaches, in milliseconds. */
const stepMaxMs = 300_000;
const waitMaxMs = 120_000;

let clone: FreshClone;
let child: ChildProcess;
let output = "";
let offset = 0;

beforeAll(async () => {
  clone = await freshClone();
  offset = await freeOffset();
  const place = ["--port-offset", String(offset), "--data", join(clone.folder, "data")];
  child = await clone.start(
    "Watching the sources.",
    parley,
    "up",
    "--watch",
    "--only",
    "user,echo-a,gateway",
    ...place,
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (text: string) => {
      output += text;
    });
  }
}, stepMaxMs);
afterAll(() => clone?.[Symbol.asyncDispose](), stepMaxMs);

const urlOf = (name: string) =>
  `http://127.0.0.1:${(services.find((service) => service.name === name)?.port ?? 0) + offset}`;

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what a test is about
async function call(method: string, body: object): Promise<any> {
  const response = await fetch(`${urlOf("user")}/user.v1.UserService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

const unknownUser = async () => (await call("GetUser", { userId: "missing" }).catch(() => ({}))).message;

async function until(words: string | RegExp): Promise<void> {
  await expect.poll(() => output, { timeout: waitMaxMs, interval: 50 }).toMatch(words);
}

/** Edits a file of the copy, and forgets the output so far. */
async function edit(path: string, change: (text: string) => string): Promise<string> {
  const file = join(clone.folder, path);
  const before = await readFile(file, "utf8");
  output = "";
  await writeFile(file, change(before));
  return before;
}

const errors = "packages/user/src/user-errors.ts";
const reworded = (words: string) => (text: string) => text.replace("`There is no user ", `\`${words} `);

test(
  "a change restarts its service, which finishes its calls first and keeps its data",
  async () => {
    const { user } = await call("CreateUser", { name: "Dora", email: "dora@example.com" });
    const data = ["--data", join(clone.folder, "data")];
    await clone.run(parley, "fault", "user", "--method", "CreateUser", "--latency", "2s", ...data);
    const slow = call("CreateUser", { name: "Eve", email: "eve@example.com" });
    const metrics = async () => (await fetch(`${urlOf("user")}/metrics`)).text();
    await expect.poll(metrics, { timeout: waitMaxMs, interval: 50 }).toMatch(/calls_in_flight(\{[^}]*\})? [1-9]/);
    await edit("packages/user/src/user-service.test.ts", (text) => `${text}\n`);
    await edit(errors, reworded("No account has the id"));
    expect((await slow).user?.name).toBe("Eve");
    await until("Restarted user.");
    await expect.poll(unknownUser, { timeout: waitMaxMs }).toBe("No account has the id missing.");
    expect((await call("GetUser", { userId: user.id })).user).toEqual(user);
    // Neither the test nor the other service.
    expect(output).toMatch(/user-errors\.ts changed\. Restarting user\./);
    expect(output).not.toMatch(/user-service\.test\.ts|Restarting .*echo/);
  },
  stepMaxMs,
);

test(
  "a syntax error is printed with its line, and restarts nothing",
  async () => {
    const before = await edit(errors, (text) => `${text}\nexport const broken = {;\n`);
    await until("Waiting for the next change.");
    expect(output).toMatch(new RegExp(`user-errors\\.ts:${before.split("\n").length + 1}: Unexpected token`));
    expect(await unknownUser()).toBe("No account has the id missing.");
    await edit(errors, () => before.replace("No account has the id", "No user has the id"));
    await until("Restarted user.");
    await expect.poll(unknownUser, { timeout: waitMaxMs }).toBe("No user has the id missing.");
  },
  stepMaxMs,
);

test(
  "the last lines of code that does not start are printed, and the next change starts it again",
  async () => {
    const before = await edit(errors, (text) => `throw new Error("this does not start");\n${text}`);
    await until(/user ended with exit code 1\. Waiting for the next change\./);
    expect(output).toContain("this does not start");
    await edit(errors, () => before);
    await until("Restarted user.");
    await expect.poll(unknownUser, { timeout: waitMaxMs }).toBe("No user has the id missing.");
  },
  stepMaxMs,
);

test(
  "a change of a workspace package restarts the services that import it",
  async () => {
    await edit("packages/store/src/index.ts", (text) => `${text}\n// A change.\n`);
    await until("Restarted user, gateway.");
    expect(output).not.toMatch(/Restarting .*echo/);
    await edit("packages/contract/src/index.ts", (text) => `${text}\n// A change.\n`);
    await until("Restarted user, echo-a, gateway.");
  },
  stepMaxMs,
);

test(
  "a change of the console's page is bundled and served, and a mistake in it leaves the page as it was",
  async () => {
    const home = async () =>
      (await fetch(`${urlOf("gateway")}/`, { headers: { accept: "text/html" } }).catch(() => undefined))?.text();
    await expect.poll(home, { timeout: waitMaxMs }).toContain("console-");
    const before = await home();
    const text = await edit("packages/console/page/style/3-parts.css", (css) => `${css}\n.watched { color: red; }\n`);
    await until(/3-parts\.css changed\. Rebuilt the console/);
    const after = await home();
    expect(after).not.toBe(before);
    const style = /console\/console-[^"]+\.css/.exec(after ?? "")?.[0];
    expect(await (await fetch(`${urlOf("gateway")}/${style}`)).text()).toContain(".watched");
    const app = await edit("packages/console/page/app.tsx", (source) => `${source}\nexport const broken = {;\n`);
    await until("The page is unchanged. Waiting for the next change.");
    expect(output).toMatch(/The console could not be built: [\s\S]*app\.tsx/);
    expect(output).not.toMatch(/Restarting|at async/);
    expect(await home()).toBe(after);
    await edit("packages/console/page/app.tsx", () => app);
    await edit("packages/console/page/style/3-parts.css", () => text);
    await until(/Rebuilt the console/);
    await expect.poll(home, { timeout: waitMaxMs }).toBe(before);
  },
  stepMaxMs,
);
