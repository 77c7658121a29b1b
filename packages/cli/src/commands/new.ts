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
    `The service ${name} is made. It listens on port ${port}.`,
    ...fileLines(files),
    "",
    "Next:",
    `  npx vitest run packages/${name}          its tests`,
    "  npm run check                          all checks",
    `  npx parley up --only ${name},gateway     starts it`,
    `  npx parley ${name} create --name First   calls it; so does`,
    `  curl localhost:8080/${plural}`,
    `  npx parley new method ${name} Approve${Name}`,
    "",
    `Then say what the service is about: fields and methods in proto/${field}/v1/, npm run generate, and the type check names what`,
    `packages/${name} lacks. Creating is for admins, reading for everybody: see (rpc.v1.access) in the contract.`,
  ];
}

function methodLines({ names, method, restPath, files }: NewMethod): readonly string[] {
  return [
    `The method ${method} is made. It answers the ${names.words} as it is.`,
    ...fileLines(files),
    "",
    "Next:",
    `  npx vitest run packages/${names.name}      its tests`,
    `  npx parley ${names.name} --help            its command; over REST: POST ${restPath}`,
    "",
    `Then write what it does: fields in proto/${names.field}/v1/, npm run generate, code in packages/${names.name}/src/${names.name}-service.ts.`,
  ];
}

function fileLines(files: NewService["files"]): readonly string[] {
  const { colors } = createTerminal();
  return files.map(({ path, isNew }) => `  ${isNew ? colors.green("new    ") : colors.yellow("changed")}  ${path}`);
}

function writeLines(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
