import type { Command } from "commander";

/** A command, for completion. */
export interface CommandNode {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagNode[];
  readonly commands: readonly CommandNode[];
  /** The known arguments that may follow its name without a flag. */
  readonly words: readonly string[];
}

/** A flag, with the known values that may follow it. */
export interface FlagNode {
  /** With its dashes. */
  readonly name: string;
  readonly summary: string;
  /** The kind of its value: undefined without one, `list` for some of the choices, separated by commas. */
  readonly value: "none" | "word" | "list" | "folder";
  readonly choices: readonly string[];
}

/** The completable parts of a command. */
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

/** By the value's name in the help. */
function valueKind(flags: string): FlagNode["value"] {
  const [, name] = /[<[](.*)[>\]]/.exec(flags) ?? [];
  return name === undefined ? "none" : name === "names" ? "list" : name === "folder" ? "folder" : "word";
}

function firstSentence(text: string): string {
  return (/^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text).replaceAll(/\s+/g, " ").replace(/\.$/, "");
}

/** Every command of the tree with the words before it, without the root's: `["order", "create"]`. */
export function everyCommand(
  node: CommandNode,
  path: readonly string[] = [],
): readonly { readonly path: readonly string[]; readonly node: CommandNode }[] {
  return [{ path, node }, ...node.commands.flatMap((inner) => everyCommand(inner, [...path, inner.name]))];
}
