import type { Command } from "commander";

/** A command, as a shell needs to know it. */
export interface CommandNode {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagNode[];
  readonly commands: readonly CommandNode[];
  /** The words that may follow its name without a flag, where those are known. */
  readonly words: readonly string[];
}

/** A flag, with the words that may follow it, where those are known. */
export interface FlagNode {
  /** With its dashes. */
  readonly name: string;
  readonly summary: string;
  /** What its value is: nothing where it takes none, `list` for some of the choices with commas between. */
  readonly value: "none" | "word" | "list" | "folder";
  readonly choices: readonly string[];
}

/** What can be completed of a command. */
export function commandTree(command: Command): CommandNode {
  return {
    name: command.name().split(" ").at(-1) ?? "",
    summary: firstSentence(command.summary() || command.description()),
    flags: [
      ...command.options.flatMap(({ long, short, flags, description, argChoices }) =>
        [short, long]
          .filter((name): name is string => name?.startsWith("--") ?? false)
          .map((name) => ({
            name,
            summary: firstSentence(description),
            value: valueKind(flags),
            choices: argChoices ?? [],
          })),
      ),
      { name: "--help", summary: "display help for command", value: "none", choices: [] },
    ],
    commands: command.commands.map(commandTree),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

/** By the name that the value has in the help. */
function valueKind(flags: string): FlagNode["value"] {
  const [, name] = /[<[](.*)[>\]]/.exec(flags) ?? [];
  return name === undefined ? "none" : name === "names" ? "list" : name === "folder" ? "folder" : "word";
}

function firstSentence(text: string): string {
  return (/^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text).replaceAll(/\s+/g, " ").replace(/\.$/, "");
}

/** Every command of the tree with the words that lead to it, the root's own left out: `["order", "create"]`. */
export function everyCommand(
  node: CommandNode,
  path: readonly string[] = [],
): readonly { readonly path: readonly string[]; readonly node: CommandNode }[] {
  return [{ path, node }, ...node.commands.flatMap((inner) => everyCommand(inner, [...path, inner.name]))];
}
