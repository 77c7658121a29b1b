import { UsageError } from "../outcome/usage-error.ts";
import { Changes, insertLines } from "./changes.ts";
import { kebabCase, type Names, namesOf } from "./names.ts";
import { contractTexts, findRepository, type Repository } from "./repository.ts";
import { filledIn } from "./templates.ts";
import { formatAndGenerate } from "./tools.ts";

/** A new method. */
export interface NewMethod {
  readonly names: Names;
  readonly method: string;
  /** The path that calls it over REST. */
  readonly restPath: string;
  readonly files: readonly { readonly path: string; readonly isNew: boolean }[];
}

/** Long enough for every sensible name. */
const methodLengthMax = 60;

/**
 * Adds a unary method, which takes the id of a resource and returns the resource, to the contract and to the code of a service from
 * `parley new service`, with a test.
 * @throws UsageError, with nothing changed, if the service or the name cannot be used, or a tool fails.
 */
export async function newMethod(
  service: string,
  method: string,
  { folder }: { readonly folder: string },
): Promise<NewMethod> {
  const repository = await findRepository(folder);
  const names = namesOf(service);
  if (!/^[A-Z][A-Za-z0-9]*$/.test(method) || method.length > methodLengthMax) {
    throw new UsageError(
      `The method's name "${method}" is not in PascalCase, or has more than ${methodLengthMax} characters: a verb and what it acts on, for example Approve${names.Name}.`,
    );
  }
  const texts = await contractTexts(repository);
  const contract = `proto/${names.field}/v1/${names.field}_service.proto`;
  const text = texts.get(contract);
  if (text === undefined) {
    throw new UsageError(`There is no ${contract}. Services: ${servicesIn(texts).join(", ")}.`);
  }
  const taken = [...texts].find(([, other]) => new RegExp(`^message ${method}(Request|Response) `, "m").test(other));
  if (new RegExp(`^ {2}rpc ${method}\\(`, "m").test(text) || taken !== undefined) {
    throw new UsageError(`${taken?.[0] ?? contract} has a method ${method} already. Choose another name.`);
  }
  const verb = verbOf(method, names);
  const values = { ...names, method, verb, methodValue: method.charAt(0).toLowerCase() + method.slice(1) };
  const changes = new Changes(repository.root);
  await changes.edit(contract, (before) => withRpc(before, contract, values));
  await addToService(changes, values);
  const test = `packages/${service}/src/${kebabCase(method)}.test.ts`;
  await changes.create(test, filledIn(testTemplate, values));
  await addToAccess(changes, values);
  await changes.write(() => format(repository, { contract, service, test }));
  return { names, method, restPath: `/${names.names}/{id}:${verb}`, files: changes.paths };
}

function format(
  repository: Repository,
  { contract, service, test }: { readonly contract: string; readonly service: string; readonly test: string },
): Promise<void> {
  const sources = [test, `packages/${service}/src/${service}-service.ts`, "test/e2e/access-table.ts"];
  return formatAndGenerate(repository, { contracts: [contract], sources });
}

function servicesIn(texts: ReadonlyMap<string, string>): readonly string[] {
  return [...texts.keys()].flatMap((path) => /^proto\/(\w+)\/v1\/\1_service\.proto$/.exec(path)?.[1] ?? []);
}

/** The verb of a custom method's path (AIP-136): `approve` for `ApproveReview`, `markAsRead` for `MarkReviewAsRead`. */
function verbOf(method: string, { Name, Names: plural }: Names): string {
  const verb = method.replace(plural, "").replace(Name, "") || method;
  return verb.charAt(0).toLowerCase() + verb.slice(1);
}

function withRpc(text: string, path: string, values: Readonly<Record<string, string>>): string {
  const begin = text.indexOf(filledIn("\nservice {{Name}}Service {\n", values));
  const end = text.indexOf("\n}\n", begin);
  if (begin < 0 || end < 0) {
    throw new UsageError(`${path} has no service ${values.Name}Service; add the method by hand.`);
  }
  const methods = text.slice(0, end) + filledIn(rpcTemplate, values) + text.slice(end);
  return methods.trimEnd() + filledIn(messagesTemplate, values);
}

async function addToService(changes: Changes, values: Names & Readonly<Record<string, string>>): Promise<void> {
  const path = `packages/${values.name}/src/${values.name}-service.ts`;
  await changes.edit(path, (text) => {
    const end = text.lastIndexOf("\n  });");
    const parts = ["implement({{Name}}Service, {", "existing{{Name}}(", "{{value}}Message("];
    const missing = parts.map((part) => filledIn(part, values)).find((part) => !text.includes(part));
    if (missing !== undefined || end < 0) {
      throw new UsageError(
        `${path} has no "${missing ?? "});"}" as services of "parley new service" have. Add the method by hand: to the contract, then npm run generate; the type check names what is missing.`,
      );
    }
    return text.slice(0, end) + filledIn(implementationTemplate, values) + text.slice(end);
  });
}

async function addToAccess(changes: Changes, values: Names & Readonly<Record<string, string>>): Promise<void> {
  const service = filledIn("{{field}}.v1.{{Name}}Service", values);
  await changes.edit("docs/access.md", (text) => {
    const row = text.split("\n").find((line) => line.startsWith(`| \`${service}\` |`));
    if (row === undefined) {
      throw new UsageError(`docs/access.md has no row for ${service}; add it with its methods.`);
    }
    const cells = row.split("|").map((cell) => cell.trim());
    const admins = [cells[4], values.method].filter(Boolean).join(" ");
    return text.replace(row, cells.with(4, admins).join(" | ").trim());
  });
  const path = "test/e2e/access-table.ts";
  const row = `    "${service}/${values.method}": { rule: "admin", request: { ${values.value}Id: "no-such-${values.name}" } },`;
  await changes.edit(path, (text) => insertLines(text, row, { path, before: `    "${service}/Create${values.Name}"` }));
}

const rpcTemplate = `

  // {{method}} returns the {{words}}. NOT_FOUND if there is none with this id.
  rpc {{method}}({{method}}Request) returns ({{method}}Response) {
    option (google.api.http) = {
      post: "/{{names}}/{{{field}}_id}:{{verb}}"
      body: "*"
    };
    option (rpc.v1.timeout) = {seconds: 2};
    option (rpc.v1.access) = {caller: CALLER_ADMIN};
  }`;

const messagesTemplate = `

// The request of {{method}}.
message {{method}}Request {
  // The {{words}}'s id.
  string {{field}}_id = 1 [
    (buf.validate.field).string.min_len = 1,
    (buf.validate.field).string.max_len = 64
  ];
}

// The response of {{method}}.
message {{method}}Response {
  // The {{words}}.
  {{Name}} {{field}} = 1;
}
`;

const implementationTemplate = `

    {{methodValue}}: answering(async ({ {{value}}Id }) => ({
      {{value}}: {{value}}Message(await existing{{Name}}(database, {{value}}Id)),
    })),`;

const testTemplate = `import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { open{{Name}}Service } from "./testing/test-{{name}}-service.ts";

test("{{method}} returns the {{words}}", async () => {
  await using service = await open{{Name}}Service();
  const { {{value}} } = await service.{{values}}.create{{Name}}({ name: "First" });
  const answer = await service.{{values}}.{{methodValue}}({ {{value}}Id: {{value}}?.id ?? "" });
  expect(answer.{{value}}).toEqual({{value}});
});

test("{{method}} of an unknown {{words}} is NOT_FOUND", async () => {
  await using service = await open{{Name}}Service();
  const call = service.{{values}}.{{methodValue}}({ {{value}}Id: "missing" });
  await expect(call).rejects.toThrow(expect.objectContaining({ code: Code.NotFound }));
  await expect(call).rejects.toBeInstanceOf(ConnectError);
});
`;
