import { type DescMessage, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { readContracts } from "../contract/contracts.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { answerLines } from "./answer.ts";
import { callEchoLine } from "./call-echo.ts";

const indentation = 2;

/** Responses with a format of their own. */
const ownForms: Readonly<Record<string, (json: JsonValue) => string>> = {
  "echo.v1.CallEchoResponse": callEchoLine,
};

/**
 * Prints answers: one JSON document with `--json` (a line each for the messages of a stream), or text for people. Unset
 * fields are omitted in JSON, as in ProtoJSON.
 */
export function printer(desc: DescMessage, { json, stream = false }: PrinterOptions): (answer: Message) => void {
  const { width: widthMax, colors } = createTerminal();
  const registry = readContracts();
  let count = 0;
  return (answer) => {
    const ownForm = ownForms[desc.typeName];
    if (json) {
      const value = toJson(desc, answer, { registry });
      process.stdout.write(`${stream ? JSON.stringify(value) : JSON.stringify(value, undefined, indentation)}\n`);
    } else if (ownForm !== undefined) {
      process.stdout.write(`${ownForm(toJson(desc, answer, { registry }))}\n`);
    } else {
      const lines = answerLines(reflect(desc, answer), { colors, widthMax });
      process.stdout.write(`${count > 0 ? "\n" : ""}${lines.join("\n")}\n`);
    }
    count++;
  };
}

export interface PrinterOptions {
  readonly json: boolean;
  /** Whether there may be several answers. */
  readonly stream?: boolean;
}
