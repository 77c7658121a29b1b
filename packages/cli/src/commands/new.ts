import { Command } from "commander";
import type { NewMethod } from "../new/new-method.ts";
import type { NewService } from "../new/new-service.ts";
import { createTerminal } from "../terminal/terminal.ts";

/** `parley new service|method`: extends the platform, in a clone of its repository. */
export function newCommand(commands: () => readonly string[]): Command {
  return new Command("new")
    .description("Adds a service, or a method of one, to a clone of the repository.")
    .addCommand(
      new Command("service")
        .description("Adds a service: contract, package with tests, generated code, and rows in the guides.")
        .argument("<name>", "the name of its resource, singular and in kebab-case, for example review or gift-card")
        .action(async (name: string) => {
          const { newService } = await import("../new/new-service.ts");
          writeLines(serviceLines(await newService(name, { folder: process.cwd(), commands: commands() })));
        }),
    )
    .addCommand(
      new Command("method")
        .description("Adds a method to a service that `parley new service` made, with a test.")
        .argument("<service>", "the service's name, for example review")
        .argument("<method>", "the method's name in PascalCase, for example ApproveReview")
        .action(async (service: string, method: string) => {
          const { newMethod } = await import("../new/new-method.ts");
          writeLines(methodLines(await newMethod(service, method, { folder: process.cwd() })));
        }),
    );
}

function serviceLines({ names, port, files }: NewService): readonly string[] {
  const { name, names: plural, Name, field } = names;
  return [
    `The service ${name} was created. It listens on port ${port}.`,
    ...fileLines(files),
    "",
    "Next:",
    `  npx vitest run packages/${name}          run its tests`,
    "  npm run check                          run all checks",
    `  npx parley up --only ${name},gateway     start it`,
    `  npx parley ${name} create --name First   call it, or:`,
    `  curl localhost:8080/${plural}`,
    `  npx parley new method ${name} Approve${Name}`,
    "",
    `Then write the service: add fields and methods in proto/${field}/v1/, and run npm run generate. The type check reports`,
    `what is missing in packages/${name}. Admins may create, and all callers may read: see (rpc.v1.access) in the contract.`,
  ];
}

function methodLines({ names, method, restPath, files }: NewMethod): readonly string[] {
  return [
    `The method ${method} was created. It returns the ${names.words} unchanged.`,
    ...fileLines(files),
    "",
    "Next:",
    `  npx vitest run packages/${names.name}      run its tests`,
    `  npx parley ${names.name} --help            show its command; over REST: POST ${restPath}`,
    "",
    `Then implement it: fields in proto/${names.field}/v1/, npm run generate, code in packages/${names.name}/src/${names.name}-service.ts.`,
  ];
}

function fileLines(files: NewService["files"]): readonly string[] {
  const { colors } = createTerminal();
  return files.map(({ path, isNew }) => `  ${isNew ? colors.green("new    ") : colors.yellow("changed")}  ${path}`);
}

function writeLines(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
