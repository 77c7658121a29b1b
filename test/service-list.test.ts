// The lists that `npm run generate` derives from the contracts and the packages, checked with planted mistakes.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, createFileRegistry, fromBinary, setExtension, toBinary } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { processes, publicProcesses, services } from "@parley/gen/services.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readContracts } from "../scripts/service-list/contract-services.ts";
import { calleesFirst, type ProcessDeclaration, readProcesses } from "../scripts/service-list/processes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const descriptorSet = await readFile(join(root, "gen/contracts.binpb"));
const isContract = (file: string) => /^(echo|event|notification|order|product|user)\//.test(file);

describe("the platform's lists", () => {
  it("name each service once, served by the process that declares it", () => {
    const served = processes.filter(({ name }) => name !== "gateway").flatMap(({ contracts }) => contracts);
    expect(services.map(({ typeName }) => typeName).sort()).toEqual(served.toSorted());
    expect(new Set(served).size).toBe(served.length);
  });

  it("have callees before their callers", () => {
    for (const [index, { calls }] of processes.entries()) {
      const before = processes.slice(0, index).map(({ name }) => name);
      expect(calls.filter((callee) => !before.includes(callee))).toEqual([]);
    }
  });

  it("let the gateway call exactly the processes that serve a public contract", () => {
    const exposed = new Set(services.filter(({ exposed }) => exposed).map(({ process }) => process));
    expect(new Set(publicProcesses.map(({ name }) => name as string))).toEqual(exposed);
    expect(new Set(processes.find(({ name }) => name === "gateway")?.calls)).toEqual(exposed);
  });
});

describe("the contracts", () => {
  it("declare which services are exposed, which process serves them, and their names for users", () => {
    const { services: found } = readContracts(descriptorSet, isContract);
    const of = (typeName: string) => found.find((service) => service.typeName === typeName);
    expect(of("event.v1.EventService")).toMatchObject({ exposed: false, process: "notification" });
    expect(of("product.v1.InventoryService")).toMatchObject({
      exposed: true,
      process: "product",
      commandGroup: "inventory",
      clientProperty: "inventory",
      file: "product/v1/inventory_service_pb.js",
    });
    expect(of("echo.v1.CallEchoService")).toMatchObject({
      process: "echo-b",
      commandGroup: "echo",
      clientProperty: "callEcho",
      description: "Calls the echo service.",
    });
  });

  it("omit files of packages without a public service", () => {
    const { publicFiles } = readContracts(descriptorSet, isContract);
    expect(publicFiles).toContain("product/v1/reservation_pb.js");
    expect(publicFiles.filter((file) => file.startsWith("event/"))).toEqual([]);
  });

  it("may not export the same short name twice from public packages", () => {
    const planted = changed("order/v1/order.proto", ({ messageType }) => {
      messageType.push(create(DescriptorProtoSchema, { name: "Product" }));
    });
    expect(() => readContracts(planted, isContract)).toThrow(
      "order.v1.Product and product.v1.Product have the same short name, and @parley/client exports both. Rename one.",
    );
  });

  it("may not give two services the same client property", () => {
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
    const property = registry.getExtension("rpc.v1.client_property") ?? expect.fail();
    const planted = changed("user/v1/user_service.proto", ({ service: [service] }) => {
      const options = service?.options ?? create(ServiceOptionsSchema);
      setExtension(options, property, "orders");
    });
    expect(() => readContracts(planted, isContract)).toThrow("have the same client property, orders");
  });
});

/** The descriptor set with one changed file. */
function changed(name: string, change: (file: FileDescriptorProto) => void): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  change(set.file.find((file) => file.name === name) ?? expect.fail());
  return toBinary(FileDescriptorSetSchema, set);
}

describe("the processes that packages declare", () => {
  const review: ProcessDeclaration = { name: "review", main: "src/main.ts", port: 50055, calls: [], database: true };
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "parley-processes-"));
    await mkdir(join(folder, "packages/no-package"), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function declare(name: string, ...declared: readonly object[]): Promise<void> {
    await mkdir(join(folder, "packages", name), { recursive: true });
    const manifest = { name: `@parley/${name}`, parley: { processes: declared } };
    await writeFile(join(folder, "packages", name, "package.json"), JSON.stringify(manifest));
  }

  it("are sorted by port", async () => {
    await declare("review", review);
    await declare(
      "echo",
      { ...review, name: "echo-b", port: 50062, calls: ["review"] },
      { ...review, name: "a", port: 1 },
    );
    expect((await readProcesses(folder)).map(({ name, main }) => [name, main])).toEqual([
      ["a", "packages/echo/src/main.ts"],
      ["review", "packages/review/src/main.ts"],
      ["echo-b", "packages/echo/src/main.ts"],
    ]);
  });

  it.each([
    [{ name: "Review" }, 'packages/review/package.json: "parley.processes" has name "Review"'],
    [{ main: "src/main.js" }, "it must be a .ts file"],
    [{ port: 65_536 }, "it must be a number from 1 to 65535"],
    [{ port: "50055" }, "it must be a number from 1 to 65535"],
    [{ calls: "everything" }, 'it must be a list of process names, or "public"'],
    [{ calls: ["nope"] }, 'calls "nope", which no package.json declares'],
    [{ database: undefined }, "has database undefined; it must be true or false"],
  ])("may not have %j", async (mistake, problem) => {
    await declare("review", { ...review, ...mistake });
    await expect(readProcesses(folder)).rejects.toThrow(problem);
  });

  it.each([
    ["name", { ...review, port: 50056 }],
    ["port", { ...review, name: "other" }],
  ])("may not have the same %s twice", async (field, other) => {
    await declare("review", review);
    await declare("other", other);
    await expect(readProcesses(folder)).rejects.toThrow(`are declared with the same ${field}`);
  });

  it("may not call each other in a cycle", () => {
    const circle = [
      { name: "a", calls: ["b"] },
      { name: "b", calls: ["a"] },
    ];
    expect(() => calleesFirst(circle)).toThrow("in a circle: a → b → a");
  });
});
