import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { AttackReport, AttackTarget } from "../attack.ts";

export interface StepMessage {
  readonly what: string;
  readonly messageBytes: number;
  readonly begins: boolean;
}

export interface ToAttacker {
  readonly run?: {
    readonly name: string;
    readonly target: AttackTarget;
    readonly scale: number;
    readonly seed: number;
    readonly timeMaxMs: number;
  };
  readonly continue?: true;
  /** Whether to run the step again, to measure its cost again. */
  readonly again?: boolean;
}

/** The process that runs the attacks. */
export interface Attacker {
  /** Runs one attack. Calls `onStep` for each of its steps; the attack waits for the result. */
  run(what: NonNullable<ToAttacker["run"]>, onStep: (step: StepMessage) => Promise<boolean>): Promise<AttackReport>;
  dispose(): void;
}

const program = fileURLToPath(new URL("attacker-process.ts", import.meta.url));
/** The additional time that an attack may take to close its connections. */
const closingMaxMs = 15_000;

export function createAttacker(): Attacker {
  let child: ChildProcess | undefined;
  return {
    run(what, onStep) {
      child ??= fork(program, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      const running = child;
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          running.kill("SIGKILL");
        }, what.timeMaxMs + closingMaxMs);
        const onMessage = async (message: { readonly step?: StepMessage; readonly report?: AttackReport }) => {
          if (message.step !== undefined) {
            const again = await onStep(message.step);
            if (running.connected) running.send({ continue: true, again });
          } else if (message.report !== undefined) end(message.report);
        };
        const onExit = () => {
          if (child === running) child = undefined;
          end({ findings: ["the attack did not end in time, or its process died"], note: "" });
        };
        function end(report: AttackReport) {
          clearTimeout(timer);
          running.off("message", onMessage).off("exit", onExit);
          resolve(report);
        }
        running.on("message", onMessage).on("exit", onExit);
        running.send({ run: what });
      });
    },
    dispose: () => child?.kill("SIGKILL"),
  };
}
