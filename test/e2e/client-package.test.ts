// The published client in another project: packed, installed outside the workspace, type-checked, run against the platform, and
// bundled for a browser.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import { npmStart, type RunningStack, root } from "./running-stack.ts";

/** Installing two small packages takes a second or two, and far longer with a slow registry. */
const installMaxMs = 120_000;

let stack: RunningStack;
let project: string;

beforeAll(async () => {
  [stack, project] = await Promise.all([npmStart(), newProject()]);
}, installMaxMs);

afterAll(async () => {
  await stack?.dispose();
  await rm(project, { recursive: true, force: true });
});

test("a new project type-checks against it", async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const settings = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
  const typeRoots = ["--typeRoots", join(root, "node_modules/@types")];
  await command(process.execPath, [tsc, ...settings, ...typeRoots, "--lib", "es2023,dom,dom.iterable", "shop.ts"]);
});

test("it depends only on Connect and Protobuf-ES, and installs no second copy beside a newer transport", async () => {
  const manifest = JSON.parse(await readFile(join(project, "node_modules/@parley/client/package.json"), "utf8"));
  expect(manifest.dependencies).toBeUndefined();
  expect(Object.keys(manifest.peerDependencies).sort()).toEqual(["@bufbuild/protobuf", "@connectrpc/connect"]);
  const lock = JSON.parse(await readFile(join(project, "package-lock.json"), "utf8"));
  const copies = Object.keys(lock.packages).filter((path) => /\/(connect|protobuf)$/.test(path));
  expect(copies.sort()).toEqual(["node_modules/@bufbuild/protobuf", "node_modules/@connectrpc/connect"]);
  expect(lock.packages["node_modules/@connectrpc/connect"].version).toBe("2.3.0");
});

test("a program places an order, reads it, and gets the reason of a refusal", async () => {
  const output = await command(process.execPath, ["shop.ts", `http://127.0.0.1:${8080 + stack.portOffset}`]);
  expect(JSON.parse(output)).toEqual({
    total: "2029.97 USD",
    sameOrder: true,
    watched: true,
    refused: { reason: "INSUFFICIENT_STOCK", requested: "9999" },
    missing: "not_found",
  });
});

test("it bundles for a browser without Node modules", async () => {
  const bundle = await rolldown({ input: join(project, "shop.ts"), platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  const [{ code, imports }] = output;
  expect(imports).toEqual([]);
  expect(code).not.toMatch(/from\s*"node:/);
  // The contracts and the Connect runtime have 75 kB. A larger bundle contains something unexpected.
  expect(code.length).toBeLessThan(400_000);
});

/** A separate project, with the packed client installed from its tarball. */
async function newProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-client-"));
  const packed = join(folder, "packed");
  await mkdir(packed);
  await command(
    process.execPath,
    ["scripts/pack/main.ts", "--destination", packed, "--stage", join(folder, "staged")],
    root,
  );
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "shop", type: "module", private: true }));
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const tarball = join(packed, `parley-client-${version}.tgz`);
  const quietly = ["--silent", "--no-audit", "--no-fund", "--prefer-offline"];
  await command("npm", ["install", ...quietly, tarball, "@connectrpc/connect-web@2.3.0"], folder);
  await writeFile(join(folder, "shop.ts"), program);
  return folder;
}

const program = `
import { Code, ConnectError } from "@connectrpc/connect";
import { createParleyClient, decimalOf, ErrorInfoSchema, OrderState, type Order } from "@parley/client";

const parley = createParleyClient({ baseUrl: globalThis.process?.argv[2] ?? location.origin });
const requestId = crypto.randomUUID();
const items = [{ productId: "101", quantity: 2 }, { productId: "102", quantity: 1 }];

async function place(): Promise<Order> {
  const { order } = await parley.orders.createOrder({ userId: "1", items, requestId });
  if (order?.state !== OrderState.CONFIRMED) throw new Error("not confirmed");
  return order;
}

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  return work.then(() => { throw new Error("did not fail"); }, (error: unknown) => ConnectError.from(error));
}

const stop = new AbortController();
const stream = parley.orders.watchOrders({ userId: "1" }, { signal: stop.signal })[Symbol.asyncIterator]();
const first = stream.next();
await new Promise((resolve) => setTimeout(resolve, 300));
const order = await place();
const again = await place();
const seen = await first;
stop.abort();
const short = await failure(parley.orders.createOrder({ userId: "1", items: [{ productId: "101", quantity: 9999 }] }));
const [info] = short.findDetails(ErrorInfoSchema);
const missing = await failure(parley.products.getProduct({ productId: "999" }));
console.log(JSON.stringify({
  total: \`\${decimalOf(order.totalPrice!)} \${order.totalPrice!.currencyCode}\`,
  sameOrder: again.id === order.id,
  watched: seen.value?.order?.id === order.id,
  refused: { reason: info?.reason, requested: info?.metadata.requested },
  missing: missing.code === Code.NotFound ? "not_found" : String(missing.code),
}));
`;

function command(program: string, args: readonly string[], folder = project): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, timeout: installMaxMs }, (error, output, errorOutput) => {
      if (error === null) {
        resolve(output);
      } else {
        reject(new Error(`${program} ${args.join(" ")} failed:\n${output}${errorOutput}`));
      }
    });
  });
}
