import type { Parameter } from "../contract/parameters.ts";
import type { GivenValue } from "./request.ts";

/** Fields that must not be on a command line, where every user of the machine can read them. */
export function isSecret({ path }: Pick<Parameter, "path">): boolean {
  return /(^|_)password$/.test(path.at(-1)?.name ?? "");
}

/** Reads a password from the terminal if it was not given. One that is not required may be left empty there. */
export async function askForSecrets(
  parameters: readonly Parameter[],
  given: readonly GivenValue[],
): Promise<readonly GivenValue[]> {
  const all = [...given];
  for (const parameter of parameters) {
    const isMissing = isSecret(parameter) && !given.some((one) => one.parameter === parameter);
    if (isMissing && (parameter.required || process.stdin.isTTY)) {
      const { password } = await import("@inquirer/prompts");
      const message = parameter.required ? promptOf(parameter) : `${promptOf(parameter)} (Enter for none)`;
      const value = await password({ message }, { output: process.stderr });
      if (value !== "" || parameter.required) {
        all.push({ parameter, value });
      }
    }
  }
  return all;
}

/** `Password`, `New password`: the field's name as words. */
function promptOf({ flag }: Parameter): string {
  const words = flag.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
