// The runtime in another project: packed, installed from tarballs outside the workspace, type-checked, and run on the pinned Node
// and on Node 22, against standard clients and servers.
import { glob, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/run-command.ts";
import { createPackedProject, type PackedProject } from "./packed-project.ts";
import { output, type ServerProcess, startServer } from "./programs.ts";

/** Installing takes about ten seconds, and far longer with a slow registry. */
const installMaxMs = 600_000;

let project: PackedProject;
beforeAll(async () => {
  project = await createPackedProject();
}, installMaxMs);
afterAll(() => project?.remove());

const said = "You said: hello";
const introduced = ["Hi Ada.", "How are you feeling today?"];
const conversed = ["Why do you say: one", "Why do you say: two"];

test("the packed packages need nothing of the workspace, and expose no internals", async () => {
  expect([...project.tarballs.keys()].sort()).toEqual(["client", "contract", "http2", "rest", "rpc"]);
  for (const name of ["http2", "contract", "rpc", "rest"]) {
    const folder = join(project.folder, "node_modules/@parley", name);
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    expect(Object.keys(manifest.dependencies ?? {})).not.toContain("@parley/gen");
    expect(manifest.peerDependenciesMeta).toEqual(
      name === "rpc" ? { "@opentelemetry/api": { optional: true } } : undefined,
    );
    expect(Object.keys(manifest.exports).filter((path) => /internal|testing\/fuzz/.test(path))).toEqual([]);
    expect(await readFile(join(folder, "README.md"), "utf8")).toMatch(/^# @parley\//);
    expect(await readFile(join(folder, "LICENSE"), "utf8")).toContain("MIT");
    for await (const file of glob("dist/**/*.js", { cwd: folder })) {
      expect(await readFile(join(folder, file), "utf8"), file).not.toMatch(
        /parley\.dev|@parley\/gen|gen\/(echo|event|notification|order|product|user)\//,
      );
    }
  }
  const inside = [
    "@parley/rpc/internal",
    "@parley/rpc/dist/server/pipeline/call-pipeline.js",
    "@parley/contract/testing",
  ];
  for (const path of inside) {
    const script = `import(${JSON.stringify(path)}).then(() => "found", (error) => error.code).then(console.log)`;
    expect(await output(process.execPath, ["-e", script], project.folder), path).toBe(
      "ERR_PACKAGE_PATH_NOT_EXPORTED\n",
    );
  }
  const exported = `import("@parley/rpc/server").then((server) => console.log(Object.keys(server).join(" ")))`;
  expect(await output(process.execPath, ["-e", exported], project.folder)).not.toMatch(/CallPipeline|ServerCall/);
});

test("importing it and serving with it patches no other library", async () => {
  const script = `
    const { BinaryWriter, BinaryReader } = await import("@bufbuild/protobuf/wire");
    const methods = () => [BinaryWriter, BinaryReader].flatMap(({ prototype }) =>
      Object.getOwnPropertyNames(prototype).map((name) => prototype[name]));
    const before = methods();
    const same = () => methods().every((method, index) => method === before[index]);
    const { patchProtobuf, systemEnvironment } = await import("@parley/rpc");
    const { serve } = await import("@parley/rpc/server");
    await import("@parley/rpc/client");
    const server = await serve({ entries: [] }, { name: "x", environment: systemEnvironment({ name: "x", logLevel: "silent" }) });
    await server.close();
    const untouched = same();
    patchProtobuf();
    console.log(untouched, same());`;
  expect(await output(process.execPath, ["--input-type=module", "-e", script], project.folder)).toBe("true false\n");
});

test("npm publish accepts each tarball", async () => {
  for (const [name, tarball] of project.tarballs) {
    const answer = await output("npm", ["publish", "--dry-run", "--json", tarball], project.folder);
    const { files } = publishedOf(JSON.parse(answer));
    expect(
      files.map(({ path }) => path).filter((path) => /\.ts$/.test(path) && !path.endsWith(".d.ts")),
      name,
    ).toEqual([]);
    expect(
      files.map(({ path }) => path).filter((path) => /test|fixture/.test(path)),
      name,
    ).toEqual(name === "rpc" ? expect.arrayContaining(["dist/testing/index.js"]) : []);
  }
});

describe.each(["the pinned Node", "Node 22"])("on %s", (version) => {
  const node = () => (version === "Node 22" ? project.node22 : process.execPath);
  const out = () => join(project.folder, "out");
  let eliza: ServerProcess;
  beforeAll(async () => {
    eliza = await startServer(node(), ["server.js"], out());
  });
  afterAll(() => eliza?.stop());

  test("it is the expected Node version", async () => {
    const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const expected = version === "Node 22" ? /^v22\./ : new RegExp(`^v${devDependencies.node}$`, "m");
    expect(await output(node(), ["--version"], out())).toMatch(expected);
  });

  test("the client of the README calls the server of the README", async () => {
    expect(await output(node(), ["client.js", eliza.url], out())).toBe(
      ["You said: I feel happy", ...introduced, "Why do you say: It rains", "Why do you say: It stopped", ""].join(
        "\n",
      ),
    );
  });

  test("connect-es calls the server, with its transports for Node and for browsers", async () => {
    const answers = JSON.parse(await output(process.execPath, ["connect-clients.js", eliza.url], out()));
    expect(answers).toEqual({
      "node gRPC": { said, introduced, conversed },
      "node gRPC-Web, HTTP/1.1": { said, introduced },
      "node Connect, HTTP/2": { said, introduced, conversed },
      "node Connect GET, HTTP/1.1": { said, introduced },
      "web Connect": { said, introduced },
      "web gRPC-Web": { said, introduced },
    });
  });

  test("grpc-js calls the server", async () => {
    const answers = JSON.parse(await output(process.execPath, ["grpc-js-client.js", eliza.url], out()));
    expect(answers).toEqual({ said, introduced, conversed });
  });

  test("buf curl calls the server, by reflection", async () => {
    const curl = (method: string, data: string, ...args: string[]) => {
      const url = `${eliza.url}/eliza.v1.ElizaService/${method}`;
      return output("buf", ["curl", "--http2-prior-knowledge", ...args, "--data", data, url], project.folder);
    };
    expect(JSON.parse(await curl("Say", '{"sentence":"hello"}'))).toEqual({ sentence: said });
    expect(lines(await curl("Introduce", '{"name":"Ada"}', "--protocol", "grpc"))).toEqual(introduced);
    expect(lines(await curl("Converse", '{"sentence":"one"}{"sentence":"two"}', "--protocol", "grpc"))).toEqual(
      conversed,
    );
  });

  test("grpcurl calls the server, by reflection", async (context) => {
    const grpcurl = await findGrpcurl();
    if (grpcurl === undefined) {
      console.log("not run: grpcurl is neither on the PATH nor in ~/.cache/parley/bin");
      context.skip();
      return;
    }
    const call = (method: string, data: string) => {
      const host = new URL(eliza.url).host;
      return output(grpcurl, ["-plaintext", "-d", data, host, `eliza.v1.ElizaService/${method}`], project.folder);
    };
    expect(JSON.parse(await call("Say", '{"sentence":"hello"}'))).toEqual({ sentence: said });
    expect(lines(await call("Introduce", '{"name":"Ada"}'))).toEqual(introduced);
    expect(lines(await call("Converse", '{"sentence":"one"}{"sentence":"two"}'))).toEqual(conversed);
  });

  test("the client calls a stock connect-node server, with each protocol", async () => {
    const stock = await startServer(process.execPath, ["stock-server.js"], out());
    try {
      expect(await output(node(), ["client.js", stock.url], out())).toContain("Why do you say: It stopped\n");
      const all = { said, introduced, conversed };
      expect(JSON.parse(await output(node(), ["our-clients.js", stock.url], out()))).toEqual({
        gRPC: all,
        "gRPC, JSON, gzip": all,
        "gRPC-Web": all,
        Connect: all,
        "Connect GET, JSON": all,
        "stock streams": all,
      });
    } finally {
      await stock.stop();
    }
  });

  test("the client of the root README calls its server", async () => {
    const greeter = await startServer(node(), ["greet-server.js"], out());
    try {
      expect(await output(node(), ["greet-client.js", greeter.url], out())).toBe("Hello, Ada.\n");
    } finally {
      await greeter.stop();
    }
  });

  test("the examples of the other READMEs run", async () => {
    expect(await output(node(), ["http2.js"], out())).toBe(":status 200 content-type text/plain\nhello\n");
    expect(await output(node(), ["contract.js"], out())).toBe("2000 2n\n");
    expect(await output(node(), ["rest.js"], out())).toBe('{"id":"7","theme":"poetry"}\n/v1/shelves/{id}\n');
    expect(await output(node(), ["traced.js"], out())).toBe("trace 4bf92f3577b34da6a3ce929d0e0e4736\n");
  });

  test("SIGTERM drains the server, which then exits", async () => {
    const server = await startServer(node(), ["server.js"], out());
    expect(await server.stop()).toBe(0);
  });
});

interface Published {
  readonly files: readonly { readonly path: string }[];
}

/** npm 11 returns an object with the package by name, older versions the package itself. */
function publishedOf(answer: Published | Readonly<Record<string, Published>>): Published {
  return "files" in answer ? (answer as Published) : (Object.values(answer)[0] as Published);
}

/** The `sentence` of each JSON value in a text. */
function lines(text: string): string[] {
  return [...text.matchAll(/"sentence":\s*"([^"]*)"/g)].map(([, sentence = ""]) => sentence);
}

async function findGrpcurl(): Promise<string | undefined> {
  for (const path of ["grpcurl", join(homedir(), ".cache/parley/bin/grpcurl")]) {
    const found = await output(path, ["-version"], project.folder).then(
      () => true,
      () => false,
    );
    if (found) {
      return path;
    }
  }
  return undefined;
}
