import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  type FaultRuleSchema,
  type LogLine,
  LogLineSchema,
  type StackProcessSchema,
  StackService,
} from "@parley/gen/stack/v1/stack_service_pb.js";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import { exitInWords } from "../../process/service-process.ts";
import type { StackMember } from "../stack.ts";
import type { FaultEntry, FaultRules } from "./fault-rules.ts";
import { type ProcessControl, residentBytes } from "./process-control.ts";
import { keptLinesMax, type StackLog, type StackLogLine } from "./stack-log.ts";

export interface StackServiceOptions {
  readonly control: ProcessControl;
  readonly faults: FaultRules;
  readonly log: StackLog;
  /** The kind of a service's database, for example `sqlite`. */
  readonly databaseOf: (service: string) => string;
}

/** The default number of previous lines that are sent first. */
const linesDefault = 20;

export function createStackService({ control, faults, log, databaseOf }: StackServiceOptions): ServiceEntry {
  const described = async (member: StackMember) => ({ process: await processOf(member) });

  async function processOf(member: StackMember): Promise<MessageInitShape<typeof StackProcessSchema>> {
    const { service, process, port, startedAt, starts } = member;
    const { name, contracts, calls } = service;
    const pid = process.exit === undefined ? process.pid : undefined;
    return {
      name,
      state: control.state(member),
      pid: pid ?? 0,
      port,
      startTime: timestampFromMs(startedAt),
      starts,
      lastExit: process.exit === undefined ? "" : exitInWords(process.exit),
      contracts: [...contracts],
      calls: [...calls],
      faults: faults.of(name).map(ruleOf),
      database: databaseOf(name),
      residentBytes: BigInt(await residentBytes(pid)),
    };
  }

  return implement(StackService, {
    listProcesses: async () => ({ processes: await Promise.all(control.members.map(processOf)) }),
    startProcess: async ({ process }) => described(await control.start(process)),
    async stopProcess({ process }, context) {
      refuseOwnGateway("stop", process, context);
      return described(await control.stop(process));
    },
    async killProcess({ process }, context) {
      refuseOwnGateway("kill", process, context);
      return described(await control.kill(process));
    },
    async pauseProcess({ process }, context) {
      refuseOwnGateway("pause", process, context);
      return described(await control.pause(process));
    },
    resumeProcess: async ({ process }) => described(await control.resume(process)),
    restartProcess: async ({ process }) => described(await control.restart(process)),
    async *watchLogs({ process, lines, onlyKept }, { signal }) {
      if (process !== "") {
        control.member(process);
      }
      const kept = log.last(process, lines || linesDefault);
      yield { lines: kept.map(lineOf), lostLines: 0n };
      if (!onlyKept) {
        yield* followed(log, { process, signal });
      }
    },
    addFault({ rule, duration }) {
      const { process = "", method = "", percent = 0, latency, code = 0 } = rule ?? {};
      control.member(process);
      const entry = faults.add(
        { process, method, percent: percent || 100, latencyMs: latency === undefined ? 0 : durationMs(latency), code },
        duration === undefined ? undefined : durationMs(duration),
      );
      return { rule: ruleOf(entry) };
    },
    removeFaults: ({ id, process }) => ({ rules: faults.remove({ id, process }).map(ruleOf) }),
  });
}

/** A caller that uses the gateway could not start it again. Restarting it is allowed. */
function refuseOwnGateway(verb: string, process: string, { requestHeader }: HandlerContext): void {
  if (process === "gateway" && requestHeader.has("x-through-gateway")) {
    throw new ConnectError(
      `This call is forwarded by the gateway, which could then not be started again. Restart it instead, or run \`npx parley ${verb} gateway\` in a terminal.`,
      Code.FailedPrecondition,
    );
  }
}

/** Streams lines as they are written. Buffers at most {@link keptLinesMax} for a slow reader; further ones are dropped and counted. */
async function* followed(
  log: StackLog,
  { process, signal }: { readonly process: string; readonly signal: AbortSignal },
) {
  let waiting: LogLine[] = [];
  let lostLines = 0n;
  let wake = () => {};
  const unfollow = log.follow((line) => {
    if (process !== "" && line.process !== process) {
      return;
    }
    if (waiting.length < keptLinesMax) {
      waiting.push(lineOf(line));
    } else {
      lostLines += 1n;
    }
    wake();
  });
  signal.addEventListener("abort", () => wake());
  try {
    while (!signal.aborted) {
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (waiting.length > 0) {
        const answer = { lines: waiting, lostLines };
        waiting = [];
        lostLines = 0n;
        yield answer;
      }
    }
  } finally {
    unfollow();
  }
}

function lineOf({ process, timeMs, text }: StackLogLine): LogLine {
  return create(LogLineSchema, { process, time: timestampFromMs(timeMs), text });
}

function ruleOf({
  id,
  process,
  method,
  percent,
  latencyMs,
  code,
  expireMs,
}: FaultEntry): MessageInitShape<typeof FaultRuleSchema> {
  return {
    id,
    process,
    method,
    percent,
    code,
    ...(latencyMs === 0
      ? {}
      : { latency: { seconds: BigInt(Math.floor(latencyMs / 1_000)), nanos: Math.round((latencyMs % 1_000) * 1e6) } }),
    expireTime: timestampFromMs(expireMs),
  };
}
