import type { JsonValue } from "@bufbuild/protobuf";
import { commentOf, fieldSentence, quoteShortly } from "@parley/contract";
import { TextValueError } from "@parley/rest";
import { Argument, Command, Option } from "commander";
import type { MethodCommand } from "../contract/contracts.ts";
import { parameterHelp, summaryOf } from "../contract/method-help.ts";
import { namedOnCommandLine, type Parameter, parametersOf } from "../contract/parameters.ts";
import { formOf, jsonOf, shortNames, valueName } from "../contract/text-to-json.ts";
import { exitCodesInWords } from "../outcome/exit-codes.ts";
import { UsageError } from "../outcome/usage-error.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { isSecret } from "./ask-for-secrets.ts";
import { type CallOptions, withCallOptions } from "./call-options.ts";
import type { GivenValue } from "./request.ts";

/** `parley <service> <method>`: flags, arguments and help from the method's contract. */
export function methodCommand({ name, method }: MethodCommand, services: readonly ServiceDefinition[]): Command {
  const parameters = parametersOf(method);
  const command = new Command(name).summary(summaryOf(method)).description(descriptionOf(method));
  const places = parameters.filter(({ positional }) => positional);
  for (const place of places) {
    const { flag, kind } = place;
    command.addArgument(
      new Argument(kind === "list" ? `[${flag}...]` : `[${flag}]`, parameterHelp(place)).argParser(reader(place)),
    );
  }
  for (const parameter of parameters) {
    command.addOption(optionOf(parameter));
  }
  withCallOptions(command);
  command.addHelpText("after", `\n${exitCodesInWords}`);
  return command.action(async () => {
    const options = command.opts<CallOptions>();
    const given = givenValues(command, parameters);
    refuseMistakes(command, { parameters, given, options });
    const { runCall } = await import("./run-call.ts");
    process.exitCode = await runCall({ method, parameters, given, options, services });
  });
}

function descriptionOf(method: MethodCommand["method"]): string {
  return `${commentOf(method)}\n\nCalls ${method.parent.typeName}/${method.name}.`;
}

function optionOf(parameter: Parameter): Option {
  const { flag, alias } = parameter;
  const names = alias === undefined ? `--${flag}` : `--${alias}, --${flag}`;
  const option = new Option(`${names} <${valueName(parameter)}>`, parameterHelp(parameter)).argParser(
    reader(parameter),
  );
  const descriptor = parameter.path.at(-1)?.enum;
  if (descriptor !== undefined) {
    // For help and completion only: more values are accepted, see `jsonOf`.
    option.argChoices = [...shortNames(descriptor).keys()];
  }
  const rivals = parameter.path.at(-1)?.oneof?.fields ?? [];
  return option.conflicts(
    rivals.filter((rival) => rival !== parameter.path.at(-1)).map(({ name }) => camelCase(name.replaceAll("_", "-"))),
  );
}

/** Reads one value; for a repeated flag, appends it. */
function reader(parameter: Parameter): (text: string, before: unknown) => JsonValue {
  const isMany = parameter.path.at(-1)?.fieldKind === "list";
  return (text, before) => {
    try {
      const value = jsonOf(parameter, text);
      return isMany && parameter.kind !== "json" ? [...(Array.isArray(before) ? before : []), value] : value;
    } catch (error) {
      if (error instanceof TextValueError) {
        const given = `it is ${quoteShortly(text)}`;
        throw new UsageError(fieldSentence(namedOnCommandLine(parameter), `${formOf(parameter)}; ${given}`));
      }
      throw error;
    }
  };
}

function givenValues(command: Command, parameters: readonly Parameter[]): readonly GivenValue[] {
  const options = command.opts<Record<string, JsonValue | undefined>>();
  const places = parameters.filter(({ positional }) => positional);
  return parameters.flatMap((parameter) => {
    const inPlace = command.processedArgs[places.indexOf(parameter)] as JsonValue | undefined;
    const value = options[camelCase(parameter.flag)] ?? (parameter.positional ? inPlace : undefined);
    return value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [{ parameter, value }];
  });
}

interface Mistakable {
  readonly parameters: readonly Parameter[];
  readonly given: readonly GivenValue[];
  readonly options: CallOptions;
}

/** Ends the command if a value is missing or given twice. The service validates the values. */
function refuseMistakes(command: Command, { parameters, given, options }: Mistakable): void {
  if (options.data !== undefined) {
    const [extra] = given;
    if (extra !== undefined) {
      const name = namedOnCommandLine(extra.parameter);
      command.error(`error: \`${name}\` cannot be used with \`--data\`: --data is the whole request.`);
    }
    return;
  }
  const isGiven = (parameter: Parameter) => given.some((value) => value.parameter === parameter);
  const needsPrompt = (parameter: Parameter) => isSecret(parameter) && process.stdin.isTTY;
  const missing = parameters.filter(
    (parameter) => parameter.required && !parameter.generated && !isGiven(parameter) && !needsPrompt(parameter),
  );
  if (missing.length > 0) {
    const sentences = missing.map((parameter) => fieldSentence(namedOnCommandLine(parameter), "is required"));
    command.error(`error: ${sentences.join(" ")}`);
  }
}

/** The name of commander's option value. */
function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z0-9])/g, (_match, char: string) => char.toUpperCase());
}
