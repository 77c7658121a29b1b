import { type Command, InvalidArgumentError, Option } from "commander";

/** The options for reaching a service. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly portOffset: number;
  readonly timeout?: number;
  readonly token?: string;
  readonly header?: readonly (readonly [string, string])[];
}

/** The highest port of the platform and the offset must stay below 65,536. */
const portOffsetMax = 15_000;
const secondMs = 1_000;
/** A longer timeout than a day is a typing error. */
const timeoutMaxMs = 86_400_000;

/** Adds the options of every command that calls services. */
export function withConnectionOptions(command: Command): Command {
  return command
    .addOption(new Option("--target, --url <url>", "the URL of the service").helpGroup(group))
    .addOption(portOffsetOption().helpGroup(group))
    .addOption(
      new Option("--timeout <time>", "the deadline: 500ms, 2s; the contract may set a shorter one")
        .argParser(durationMs)
        .helpGroup(group),
    )
    .addOption(
      new Option("--token <token>", "the access token that `parley user login` prints")
        .env("PARLEY_TOKEN")
        .helpGroup(group),
    )
    .addOption(
      new Option("--header <name:value>", "send this header; may be repeated").argParser(header).helpGroup(group),
    );
}

const group = "Connection:";

/** `--port-offset`: added to the port of every service. `PARLEY_PORT_OFFSET` sets it for all commands. */
export function portOffsetOption(description = "the --port-offset of `parley up`"): Option {
  return new Option("--port-offset <number>", description).env("PARLEY_PORT_OFFSET").default(0).argParser(portOffset);
}

function portOffset(text: string): number {
  const offset = Number(text);
  if (!/^\d+$/.test(text) || offset > portOffsetMax) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${portOffsetMax}.`);
  }
  return offset;
}

/** A duration such as `500ms` or `2s`, in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text);
  const ms = Number(match?.[1]) * (match?.[2] === "ms" ? 1 : secondMs);
  if (!(ms > 0) || ms > timeoutMaxMs) {
    throw new InvalidArgumentError("It must be a time up to a day, such as 500ms or 2s.");
  }
  return ms;
}

function header(text: string, before: readonly (readonly [string, string])[] = []) {
  const colon = text.indexOf(":");
  const pair = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()] as const;
  try {
    new Headers([[...pair]]);
  } catch {
    throw new InvalidArgumentError("It must be a header, such as x-request-id:42.");
  }
  if (colon <= 0) {
    throw new InvalidArgumentError("It must be a header, such as x-request-id:42.");
  }
  return [...before, pair];
}
