import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { isExposed } from "@parley/contract";
import type { ServiceGroup } from "./service-groups.ts";

/** A method as a command. */
export interface MethodCommand {
  readonly name: string;
  readonly method: DescMethod;
}

let contracts: FileRegistry | undefined;

/** The contracts with their comments, which generated code does not contain. Read once, when first needed. */
export function readContracts(): FileRegistry {
  contracts ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(new URL(import.meta.resolve("@parley/gen/contracts.binpb")))),
  );
  return contracts;
}

/** A service of the contracts. Throws for an unknown one. */
export function contractOf(typeName: string): DescService {
  const service = readContracts().getService(typeName);
  if (service === undefined) {
    throw new Error(`the contracts have no service ${typeName}; run npm run generate`);
  }
  return service;
}

/** The public methods of the contracts, by their command names. */
export function methodCommands({ contracts }: ServiceGroup): readonly MethodCommand[] {
  return contracts.map(contractOf).flatMap((service) => {
    const noun = nounOf(service);
    return service.methods.filter(isExposed).map((method) => ({ name: commandName(method, noun), method }));
  });
}

/**
 * `CreateOrder` of the order service is `create`: the common ending of a service's methods is omitted.
 * `SendTestNotification` is `send-test`, `ListDeadLetters` stays `list-dead-letters`, and `Echo`, of which nothing would
 * be left, `echo`.
 */
function commandName(method: DescMethod, noun: string): string {
  const words = wordsOf(method.name);
  const verb = singular(words.at(-1) ?? "") === noun && words.length > 1 ? words.slice(0, -1) : words;
  return verb.join("-");
}

/** The singular word that most methods of a service end with. */
function nounOf(service: DescService): string {
  const counts = new Map<string, number>();
  for (const method of service.methods) {
    const noun = singular(wordsOf(method.name).at(-1) ?? "");
    counts.set(noun, (counts.get(noun) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  return most?.[0] ?? "";
}

function wordsOf(name: string): readonly string[] {
  return name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}

/** The singular of an English plural, as far as the contracts need it: `users`, `addresses`, `categories`. */
export function singular(word: string): string {
  if (word.endsWith("ies")) {
    return `${word.slice(0, -3)}y`;
  }
  if (/(ss|x|ch|sh)es$/.test(word)) {
    return word.slice(0, -2);
  }
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}
