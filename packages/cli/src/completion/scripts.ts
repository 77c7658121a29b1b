import { type CommandNode, everyCommand, type FlagNode } from "./command-tree.ts";

/** The shells with a completion script. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A script that completes commands, methods, flags and their choices. It is self-contained: pressing Tab starts no process. */
export function completionScript(tree: CommandNode, shell: Shell): string {
  return { bash, zsh, fish }[shell](tree);
}

/** bash: programmable completion, "compgen -W". */
function bash(tree: CommandNode): string {
  const cases = everyCommand(tree).flatMap(({ path, node }) => {
    const key = path.join(" ");
    return [
      ...node.flags
        .filter(({ value }) => value !== "none")
        .map((flag) => `    ${quoted(`${key}|${flag.name}`)}) ${bashValue(flag)} ;;`),
      `    ${quoted(`${key}|`)}*) words=${quoted(wordsOf(node).join(" "))} ;;`,
    ];
  });
  return `# Completion of parley for bash. Put this into ~/.bashrc:  source <(npx parley completion bash)
_parley() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="" path="" words="" list="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -*) break ;;
      *) case "\${path}|\${COMP_WORDS[index]}" in
${everyCommand(tree)
  .filter(({ path }) => path.length > 0)
  .map(
    ({ path }) =>
      `        ${quoted(`${path.slice(0, -1).join(" ")}|${path.at(-1)}`)}) path=${quoted(path.join(" "))} ;;`,
  )
  .join("\n")}
      esac ;;
    esac
  done
  [[ \${COMP_WORDS[COMP_CWORD - 1]} == --* ]] && before="\${COMP_WORDS[COMP_CWORD - 1]}"
  case "\${path}|\${before}" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -P "$list" -W "$words" -- "$word"))
}
complete -F _parley parley
`;
}

/** The values of a flag; in a comma-separated list, those that may follow the last comma. */
function bashValue({ value, choices }: FlagNode): string {
  switch (value) {
    case "folder":
      return 'COMPREPLY=($(compgen -d -- "$word")); return';
    case "list":
      return `[[ $word == *,* ]] && list="\${word%,*}," word="\${word##*,}"; words=${quoted(choices.join(" "))}`;
    default:
      return choices.length > 0 ? `words=${quoted(choices.join(" "))}` : "return";
  }
}

function wordsOf({ commands, words, flags }: CommandNode): readonly string[] {
  return [...commands.map(({ name }) => name), ...words, ...flags.map(({ name }) => name)];
}

/** zsh: the completion system's _arguments and _describe (zshcompsys). */
function zsh(tree: CommandNode): string {
  const nameOf = (path: readonly string[]) => ["_parley", ...path].join("__").replaceAll("-", "_");
  const functions = everyCommand(tree).map(({ path, node }) => {
    const flags = node.flags.map((flag) => {
      return `    ${quoted(`*${flag.name}[${zshText(flag.summary)}]${zshValue(flag)}`)}`;
    });
    if (node.words.length > 0) {
      flags.push(`    ${quoted(`1:value:(${node.words.join(" ")})`)}`);
    }
    if (node.commands.length === 0) {
      return `${nameOf(path)}() {\n  _arguments \\\n${flags.join(" \\\n")}\n}`;
    }
    const commands = node.commands.map(({ name, summary }) => `    ${quoted(`${name}:${zshText(summary)}`)}`);
    const branches = node.commands.map(({ name }) => `    ${name}) ${nameOf([...path, name])} ;;`);
    return `${nameOf(path)}() {
  local line state
  local -a commands=(
${commands.join("\n")}
  )
  _arguments -C \\
${flags.join(" \\\n")} \\
    '1: :->command' '*::argument:->rest'
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
${branches.join("\n")}
    esac ;;
  esac
}`;
  });
  return `#compdef parley
# Completion of parley for zsh. Put this into ~/.zshrc, after compinit:  source <(npx parley completion zsh)
${functions.join("\n")}
compdef _parley parley
`;
}

function zshValue({ value, choices }: FlagNode): string {
  switch (value) {
    case "none":
      return "";
    case "folder":
      return ":folder:_files -/";
    case "list":
      return `:names:_values -s , name ${choices.join(" ")}`;
    default:
      return choices.length > 0 ? `:value:(${choices.join(" ")})` : ":value: ";
  }
}

/** fish: the builtin "complete". */
function fish(tree: CommandNode): string {
  const lines = everyCommand(tree).flatMap(({ path, node }) => {
    const names = node.commands.map(({ name }) => name).join(" ");
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const here = path.length === 0 ? "__fish_use_subcommand" : seen.join("; and ");
    const noneYet = names === "" || path.length === 0 ? here : `${here}; and not __fish_seen_subcommand_from ${names}`;
    return [
      ...node.commands.map(
        ({ name, summary }) => `complete -c parley -f -n ${quoted(noneYet)} -a ${name} -d ${quoted(summary)}`,
      ),
      ...node.words.map((word) => `complete -c parley -f -n ${quoted(here)} -a ${word}`),
      ...node.flags.map((flag) => {
        const words = `-l ${flag.name.slice(2)}${fishValue(flag)} -d ${quoted(flag.summary)}`;
        return `complete -c parley -n ${quoted(noneYet)} ${words}`;
      }),
    ];
  });
  return `# Completion of parley for fish:  npx parley completion fish > ~/.config/fish/completions/parley.fish
complete -c parley -f
${lines.join("\n")}
`;
}

function fishValue({ value, choices }: FlagNode): string {
  switch (value) {
    case "none":
      return "";
    case "folder":
      return ` -x -a ${quoted("(__fish_complete_directories)")}`;
    case "list":
      return ` -x -a ${quoted(`(__fish_append , ${choices.join(" ")})`)}`;
    default:
      return choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -x";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Brackets and colons have a meaning in zsh's specifications. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}
