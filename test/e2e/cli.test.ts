// `parley` against a running stack: its output, its exit codes, and the menu in a real terminal.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFollowingAddress } from "../processes/following-address.ts";
import { has, run } from "./command-line.ts";
import { eventually } from "./order-stack.ts";
import { type Parley, parleyFor } from "./parley.ts";
import { npmStart, type RunningStack, root } from "./running-stack.ts";

const tmuxThere = await has("tmux", "-V");
if (!tmuxThere) {
  console.warn("Left out: the menu in a terminal, since tmux is not installed.");
}
const shellsThere = new Map(
  await Promise.all(["bash", "zsh", "fish"].map(async (shell) => [shell, await has(shell)] as const)),
);

let stack: RunningStack;
let parley: Parley;
beforeAll(async () => {
  stack = await npmStart();
  parley = parleyFor(stack.portOffset);
}, 90_000);
afterAll(() => stack?.dispose(), 90_000);

/** Runs a command that must succeed, and returns its JSON. */
// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the command printed; the test says what it must be.
async function json(...args: readonly string[]): Promise<any> {
  const { code, output, errorOutput } = await parley.run(...args, "--json");
  expect(errorOutput).toBe("");
  expect(code).toBe(0);
  return JSON.parse(output);
}

describe("calling methods", () => {
  it("places an order with the short form, and reads it", async () => {
    const { code, output } = await parley.run("order", "create", "--user", "1", "--item", "101=2", "--item", "102=1");
    expect(code).toBe(0);
    expect(output).toMatch(/user name +Alice Johnson/);
    expect(output).toMatch(/total price +2,029\.97 USD/);
    expect(output).toMatch(/101 +Laptop +2 +999\.99 USD +1,999\.98 USD/);
    const id = /^id +(\S+)/m.exec(output)?.[1] ?? expect.fail();
    const { order } = await json("order", "get", id);
    expect(order).toMatchObject({
      id,
      state: "ORDER_STATE_CONFIRMED",
      totalPrice: { units: "2029", nanos: 970_000_000 },
    });
    expect((await parley.run("order", "list", "--user", "1", "--state", "confirmed")).output).toContain(id);
    const cancelled = await parley.run("order", "cancel", id, "--reason", "changed my mind");
    expect(cancelled.output).toMatch(/state +cancelled/);
    expect((await parley.run("order", "cancel", id)).code).toBe(0);
    // Five processes in sequence, on a machine that may be busy.
  }, 60_000);

  it("places a guest's order of one product", async () => {
    const placed = await json(
      "order",
      "create",
      "--product",
      "102",
      "--quantity",
      "2",
      "--guest-email",
      "g@example.com",
    );
    expect(placed.order).not.toHaveProperty("userId");
    expect(placed.order).toMatchObject({ userEmail: "g@example.com", items: [{ quantity: 2 }] });
  });

  it("makes a user without a password, who can be given one", async () => {
    const { user } = await json("user", "create", "--name", "Fay", "--email", "fay@example.com");
    const signIn = () => parley.run("user", "login", "--email", "fay@example.com", "--password", "a long password");
    expect((await signIn()).code).not.toBe(0);
    const set = await parley.run("user", "change-password", user.id, "--new-password", "a long password");
    expect([set.code, (await signIn()).code]).toEqual([0, 0]);
  }, 60_000);

  it("accepts the whole request as JSON, also from standard input", async () => {
    const data = JSON.stringify({ userId: "2", items: [{ productId: "103", quantity: 1 }] });
    expect((await json("order", "create", "--data", data)).order.userName).toBe("Bob Smith");
    const { code, output } = await parley.runWith(data, "order", "create", "--data", "-", "--json");
    expect([code, JSON.parse(output).order.state]).toEqual([0, "ORDER_STATE_CONFIRMED"]);
  });

  it("changes only the given fields", async () => {
    const { product } = await json("product", "create", "--name", "Lamp", "--price", "19.90EUR", "--stock", "5");
    const changed = await json("product", "update", product.id, "--price", "24.5EUR");
    expect(changed.product).toMatchObject({ name: "Lamp", price: { units: "24", nanos: 500_000_000 }, stock: 5 });
    await json("product", "update", product.id, "--description", "bright");
    const cleared = await json("product", "update", product.id, "--description", "");
    expect(cleared.product).not.toHaveProperty("description");
    expect((await json("inventory", "update", product.id, "--delta", "-2")).product.stock).toBe(3);
    expect((await parley.run("product", "delete", product.id)).output).toBe("Done.\n");
    // Six processes in sequence, on a machine that may be busy.
  }, 60_000);

  it("lists one page at a time", async () => {
    const first = await parley.run("product", "list", "--page-size", "2");
    expect(first.output.trim().split("\n")).toHaveLength(5);
    const token = /--page-token (\S+)/.exec(first.output)?.[1] ?? expect.fail();
    expect((await json("product", "list", "--page-size", "2", "--page-token", token)).products[0].id).toBe("103");
  });

  it("works through the gateway as with a service", async () => {
    const gateway = `http://127.0.0.1:${8080 + stack.portOffset}`;
    expect((await json("product", "get", "101", "--url", gateway)).product.name).toBe("Laptop");
  });

  it("calls the echo pair", async () => {
    expect(await parley.run("echo", "call", "hello")).toEqual({
      code: 0,
      output: '{"service_b": "ok", "service_a": {"echo": "hello"}}\n',
      errorOutput: "",
    });
    expect((await parley.run("echo", "health", "a")).output).toBe("echo.v1.EchoService: SERVING\n");
    expect((await parley.run("echo", "health", "b")).output).toBe("echo.v1.CallEchoService: SERVING\n");
  });

  it("reports the echo pair's error if A is unreachable", async () => {
    const port = await freePort();
    const b = spawn(process.execPath, [join(root, "packages/echo/src/echo-b-main.ts")], {
      env: { PATH: process.env.PATH, PORT: String(port), ECHO_A_SERVICE_URL: `http://127.0.0.1:${await freePort()}` },
      stdio: "ignore",
    });
    try {
      const url = `http://127.0.0.1:${port}`;
      await eventually(
        () => parley.run("echo", "health", "b", "--url", url),
        ({ code }) => code === 0,
      );
      const { code, output } = await parley.run("echo", "call", "hello", "--url", url);
      expect(code).toBe(0);
      expect(output).toMatch(/^\{"service_b": "ok", "service_a": "unavailable", "error": "[^"]+"\}\n$/);
    } finally {
      b.kill("SIGKILL");
      await once(b, "exit");
    }
  });
});

describe("errors", () => {
  it.concurrent.each([
    [["order", "get", "no-such-order"], 3, /NOT_FOUND.*\n +reason +ORDER_NOT_FOUND/],
    [["order", "create", "--user", "99", "--item", "101=1"], 3, /USER_NOT_FOUND/],
    [["order", "create", "--user", "1", "--item", "101=9000"], 4, /FAILED_PRECONDITION[\s\S]*requested +9000/],
    [["order", "create", "--user", "1", "--item", "101=0"], 2, /INVALID_ARGUMENT: `--item` \(quantity\) must be/],
    [["order", "create", "--product", "101"], 2, /`--quantity` must be from 1 to 10000/],
    [["order", "get"], 2, /`<order-id>` is required\./],
    [["order", "create", "--user", "1", "--item", "101"], 2, /product-id=quantity/],
    [["order", "create", "--user", "1", "--data", "{}"], 2, /--data is the whole request/],
    [["order", "create", "--data", "{"], 2, /not JSON/],
    [["order", "creat"], 2, /unknown command 'creat'/],
    [["ordre"], 2, /unknown command 'ordre'[\s\S]*order/],
    [["order", "list", "--sate", "x"], 2, /unknown option '--sate'[\s\S]*--state/],
    [["inventory", "update", "101", "--stock", "1", "--delta", "1"], 2, /cannot be used with/],
    [["inventory", "update", "101"], 2, /Set either `--stock` or `--delta`/],
    [["product", "get", "101", "--timeout", "soon"], 2, /such as 500ms or 2s/],
    [["product", "get", "101", "--header", "nonsense"], 2, /such as x-request-id:42/],
    [["product", "get", "101", "--url", "nonsense"], 2, /"nonsense" is invalid/],
    [
      ["product", "get", "101", "--url", "http://127.0.0.1:1", "--timeout", "20s"],
      6,
      /UNAVAILABLE[\s\S]*npx parley up/,
    ],
    [["user", "login", "--email", "alice@example.com", "--password", "not hers"], 5, /UNAUTHENTICATED/],
    [["watch", "--only", "everything"], 2, /orders, stock, notifications/],
    [["menu"], 2, /needs a terminal/],
  ])("%j exits with %i and the reason", async (args, exitCode, message) => {
    const { code, output, errorOutput } = await parley.run(...args);
    expect(errorOutput).toMatch(message);
    expect(errorOutput).not.toContain("    at ");
    expect([code, output]).toEqual([exitCode, ""]);
  });
});

describe("errors with --json", () => {
  it.concurrent.each([
    [["order", "get", "no-such-order"], 3, { code: "NOT_FOUND", reason: "ORDER_NOT_FOUND" }],
    [["order", "get"], 2, { code: "INVALID_ARGUMENT", message: "`<order-id>` is required." }],
    [["order", "list", "--sate", "x"], 2, { code: "INVALID_ARGUMENT", message: expect.stringContaining("--sate") }],
    [
      ["order", "create", "--data", "{"],
      2,
      { code: "INVALID_ARGUMENT", message: "`--data` is not JSON: unexpected end of input." },
    ],
    [["product", "get", "101", "--url", "nonsense"], 2, { code: "INVALID_ARGUMENT" }],
    [["product", "get", "101", "--url", "http://127.0.0.1:1", "--timeout", "20s"], 6, { code: "UNAVAILABLE" }],
    [
      ["order", "create", "--user", "1", "--item", "101=0"],
      2,
      { code: "INVALID_ARGUMENT", fieldViolations: [{ field: "items[0].quantity", flag: "--item" }] },
    ],
    [["nothing"], 2, { code: "INVALID_ARGUMENT" }],
  ])("%j exits with %i and one JSON document", async (args, exitCode, error) => {
    const { code, output, errorOutput } = await parley.run(...args, "--json");
    expect(JSON.parse(errorOutput)).toMatchObject({ error });
    expect([code, output]).toEqual([exitCode, ""]);
  });
});

it("prints its version", async () => {
  expect(await parley.run("--version")).toMatchObject({ code: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

it("suggests a login command that works", async () => {
  const { code, output, errorOutput } = await parley.run(
    "user",
    "login",
    "--email",
    "alice@example.com",
    "--password",
    "x",
  );
  const hint = /`npx parley (user login [^`]+)`/.exec(errorOutput)?.[1] ?? expect.fail(errorOutput);
  expect([code, output]).toEqual([5, ""]);
  const words = hint.replace("<email>", "alice@example.com").split(" ");
  expect((await parley.run(...words, "--password", "parley-sample")).code).toBe(0);
});

it.runIf(existsSync("/dev/full"))("fails if its output cannot be written", async () => {
  const command = `'${process.execPath}' packages/cli/src/bin.ts product list --port-offset ${stack.portOffset}`;
  for (const options of ["", "--json"]) {
    const { code, errorOutput } = await run("sh", ["-c", `${command} ${options} > /dev/full`]);
    expect([code, errorOutput]).toEqual([1, expect.stringContaining("ENOSPC")]);
  }
});

describe("parley watch", () => {
  it("prints orders, stock changes and notifications as they happen, and exits cleanly", async () => {
    const watch = parley.start("watch", "--json");
    await eventually(
      async () => watch.errorOutput().match(/: watching/g)?.length,
      (count) => count === 3,
    );
    const lines = () => watch.output().trim().split("\n").filter(Boolean);
    const streams = () => [...new Set(lines().map((line) => JSON.parse(line).stream))].sort();
    // The stream starts at an unknown moment and shows later events only: so the event is repeated.
    const placeAnother = async () => {
      await json("order", "create", "--user", "3", "--item", "104=1");
      return streams();
    };
    expect(await eventually(placeAnother, ({ length }) => length === 3)).toEqual(["notifications", "orders", "stock"]);
    watch.child.kill("SIGINT");
    expect(await watch.exitCode).toBe(0);
  });

  it("misses nothing if the connection breaks", async () => {
    const gateway = await startFollowingAddress();
    gateway.follow(8080 + stack.portOffset);
    const watch = parley.start("watch", "--only", "orders", "--url", `http://127.0.0.1:${gateway.port}`);
    const place = async () => (await json("order", "create", "--user", "3", "--item", "105=1")).order.id as string;
    try {
      await eventually(async () => watch.errorOutput().includes("orders: watching"), Boolean);
      // The first message contains the position from which the stream resumes.
      await eventually(place, (id) => watch.output().includes(id));
      const ids: string[] = [];
      gateway.follow(undefined);
      ids.push(await place(), await place());
      gateway.follow(8080 + stack.portOffset);
      await eventually(async () => ids.every((id) => watch.output().includes(id)), Boolean);
      expect(ids.map((id) => watch.output().split(id).length - 1)).toEqual([1, 1]);
    } finally {
      watch.child.kill("SIGINT");
      expect(await watch.exitCode).toBe(0);
      gateway.close();
    }
  });
});

describe("parley doctor", () => {
  it("reports no problem of a running stack", async () => {
    const { code, output } = await parley.run("doctor");
    expect(output).toMatch(/✓ order is SERVING/);
    expect([code, output]).toEqual([0, expect.stringContaining("All checks passed.")]);
  });

  it("names the process that holds a service's port", async () => {
    const port = await freePort();
    const squatter = createServer((socket) => socket.end("hello")).listen(port, "127.0.0.1");
    await once(squatter, "listening");
    try {
      // 50051 is the user service's port: with this offset it is the port that is already taken.
      const { code, output } = await parley.run("doctor", "--port-offset", String(Math.max(0, port - 50_051)));
      if (port >= 50_051) {
        expect(output).toContain(`http://127.0.0.1:${port}, the address of user,`);
        expect(code).toBe(1);
      }
    } finally {
      squatter.close();
    }
  });
});

describe("parley completion", () => {
  it.each(["bash", "zsh", "fish"])("%s accepts its script", async (shell) => {
    const { code, output } = await parley.run("completion", shell);
    expect(code).toBe(0);
    expect(output).toMatch(/low-stock-threshold/);
    if (shellsThere.get(shell) === true) {
      const check = spawn(shell, ["-n"], { stdio: ["pipe", "ignore", "ignore"] });
      check.stdin.end(output);
      expect((await once(check, "close"))[0]).toBe(0);
    }
  });

  it.runIf(shellsThere.get("bash"))("completes commands, methods, flags and choices in bash", async () => {
    const { output } = await parley.run("completion", "bash");
    const complete = async (...words: readonly string[]) => {
      const script = `${output}\nCOMP_WORDS=(parley "$@"); COMP_CWORD=$#; _parley; echo "\${COMPREPLY[*]}"`;
      const bash = spawn("bash", ["-c", script, "bash", ...words], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
      let printed = "";
      bash.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
      await once(bash, "close");
      return printed.trim().split(" ");
    };
    expect(await complete("ord")).toEqual(["order"]);
    expect(await complete("order", "")).toEqual(expect.arrayContaining(["create", "get", "list", "cancel", "watch"]));
    expect(await complete("order", "create", "--us")).toEqual(["--user", "--user-id"]);
    expect(await complete("order", "list", "--state", "")).toEqual(["pending", "confirmed", "cancelled", "rejected"]);
    expect(await complete("up", "--only", "no")).toEqual(["notification"]);
    expect(await complete("up", "--only", "user,pro")).toEqual(["user,product"]);
    expect(await complete("watch", "--only", "st")).toEqual(["stock"]);
    expect(await complete("up", "--data", "pack")).toEqual(["packages"]);
    expect(await complete("up", "--log-level", "wa")).toEqual(["warn"]);
    expect(await complete("up", "--port-offset", "")).toEqual([""]);
    expect(await complete("product", "get", "--token", "")).toEqual([""]);
    expect(await complete("echo", "health", "")).toEqual(expect.arrayContaining(["a", "b"]));
  });
});

describe.runIf(tmuxThere)("parley menu, in a terminal", () => {
  it("shows the products, places an order and visits the services' screens", async () => {
    const session = parley.inTerminal("menu");
    const until = async (pattern: RegExp) => {
      const screen = await eventually(
        async () => session.screen(),
        (text) => pattern.test(text),
      );
      expect(screen).toMatch(pattern);
    };
    const choose = async (question: RegExp, ...keys: readonly string[]) => {
      await until(question);
      session.press(...keys, "Enter");
    };
    try {
      await choose(/\? What would you like to see\?/, "Down");
      await until(/Laptop[\s\S]*999\.99 USD[\s\S]*❯ Users/);
      session.press("Down", "Down", "Down", "Enter");
      await choose(/\? Which user\?/);
      await choose(/\? Which product\?/);
      await choose(/\? How many\?/, "2");
      await choose(/\? Another product\?[\s\S]*❯ Place the order \(2 × Laptop\)/);
      await choose(/total price +1,999\.98 USD[\s\S]*\? Show the calls between the services/);
      await until(/├ CreateOrder ─*▶│[\s\S]*At 0\.0 ms you call gateway[\s\S]*\? Step 1 of \d/);
      session.press("Enter");
      await until(/gateway calls order[\s\S]*\? Step 2 of \d/);
      session.press("Down", "Enter");
      await until(
        /you +gateway +order +user[\s\S]*ValidateUser[\s\S]*ReserveStock[\s\S]*◀╌+ OK[\s\S]*parley\.order\.confirmed\.v1[\s\S]*\d hops\.[\s\S]*❯ Users/,
      );
      session.press("C-c");
      await until(/ended with 0/);
    } finally {
      session.close();
    }
  }, 60_000);

  it("checks the stock, creates a user, echoes, and shows the architecture", async () => {
    const session = parley.inTerminal("menu");
    const until = (pattern: RegExp) =>
      eventually(
        async () => session.screen(),
        (text) => pattern.test(text),
      ).then((screen) => expect(screen).toMatch(pattern));
    const choose = async (times: number) => {
      await until(/\? What would you like to see\?[\s\S]*❯ Users/);
      session.press(...Array.from({ length: times }, () => "Down"), "Enter");
    };
    try {
      await choose(4);
      await until(/\? Which product\?/);
      session.press("Enter");
      await until(/\? How many\?/);
      session.press("3", "Enter");
      await until(/\? Another product\?[\s\S]*❯ Check \(3 × Laptop\)/);
      session.press("Enter");
      await until(/available +yes[\s\S]*101 +3 +\d+/);
      await choose(5);
      await until(/\? Name/);
      session.press("Eve", "Enter");
      await until(/\? E-mail address/);
      session.press("eve@example.com", "Enter");
      await until(/\? Password/);
      session.press("longenough", "Enter");
      await until(/name +Eve[\s\S]*email +eve@example\.com/);
      await choose(6);
      await until(/\? Message/);
      session.press("Enter");
      await until(/\{"service_b": "ok", "service_a": \{"echo": "hello"\}\}[\s\S]*\? Show the calls/);
      session.press("Down", "Enter");
      await until(/you +gateway +echo-b +echo-a[\s\S]*CallEcho[\s\S]*Echo[\s\S]*3 hops\./);
      await choose(7);
      await until(/gateway +serving[\s\S]*gateway +─▶ user, product, order, notification, echo-a, echo-b/);
      session.press("C-c");
      await until(/ended with 0/);
    } finally {
      session.close();
    }
  }, 60_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
