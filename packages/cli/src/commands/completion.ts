import { Argument, Command } from "commander";
import { commandTree } from "../completion/command-tree.ts";
import { completionScript, type Shell, shells } from "../completion/scripts.ts";
import type { LazyCommand } from "./lazy-command.ts";

/** `parley completion bash|zsh|fish`: prints a script for the shell. */
export function completionCommand(all: () => readonly LazyCommand[]): Command {
  return new Command("completion")
    .description("Prints a script that completes commands, methods and flags in a shell.")
    .addArgument(new Argument("<shell>", "the shell").choices([...shells]))
    .addHelpText(
      "after",
      `
  bash:  source <(npx parley completion bash)        in ~/.bashrc
  zsh:   source <(npx parley completion zsh)         in ~/.zshrc, after compinit
  fish:  npx parley completion fish > ~/.config/fish/completions/parley.fish`,
    )
    .action(async (shell: Shell) => {
      const program = new Command("parley").option("-V, --version", "print the version");
      for (const { load } of all()) {
        program.addCommand(await load());
      }
      process.stdout.write(completionScript(commandTree(program), shell));
    });
}
