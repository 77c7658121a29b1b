import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { answerLines } from "../render/answer.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Prints a response, with blank lines around it. */
export function showAnswer<D extends DescMessage>(terminal: Terminal, desc: D, answer: MessageShape<D>): void {
  const { colors, width: widthMax } = terminal;
  show(terminal, answerLines(reflect(desc, answer), { colors, widthMax }));
}

/** Prints lines, with blank lines around them. */
export function show(terminal: Terminal, lines: readonly string[]): void {
  for (const line of ["", ...lines, ""]) {
    terminal.say(line);
  }
}
