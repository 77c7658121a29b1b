// Runs attacks by name in a separate process: their cost does not affect the measurements, and a hung attack can be killed.
import type { AttackTarget } from "../attack.ts";
import { everyAttack } from "../every-attack.ts";
import type { ToAttacker } from "./attacker.ts";
import { seededRandom } from "./seeded-random.ts";

let waiting: ((again: boolean) => void) | undefined;

process.on("message", async (message: ToAttacker) => {
  if (message.continue === true) {
    waiting?.(message.again === true);
    return;
  }
  if (message.run !== undefined) process.send?.(await run(message.run));
});
process.on("disconnect", () => process.exit());
// A late error of a broken connection is not a finding.
process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
  if (!["ECONNRESET", "EPIPE", "ECONNREFUSED"].includes(error.code ?? "")) throw error;
});

interface RunMessage {
  readonly name: string;
  readonly target: AttackTarget;
  readonly scale: number;
  readonly seed: number;
  readonly timeMaxMs: number;
}

async function run({ name, target, scale, seed, timeMaxMs }: RunMessage) {
  const attack = everyAttack.find((each) => each.name === name);
  if (attack === undefined) return { report: { findings: [`there is no attack ${name}`], note: "" } };
  const signal = AbortSignal.timeout(timeMaxMs);
  const step = async (what: string, messageBytes: number, body: () => Promise<void>) => {
    let again = !signal.aborted;
    while (again) {
      await sendAndWait({ step: { what, messageBytes, begins: true } });
      await body();
      again = await sendAndWait({ step: { what, messageBytes, begins: false } });
    }
  };
  try {
    return { report: await attack.run(target, { signal, scale, random: seededRandom(seed), step }) };
  } catch (error) {
    return {
      report: { findings: [`the attack itself failed: ${error instanceof Error ? error.stack : error}`], note: "" },
    };
  }
}

/** Sends a message to the harness and waits until it has measured. */
function sendAndWait(message: object): Promise<boolean> {
  return new Promise((resolve) => {
    waiting = resolve;
    process.send?.(message);
  });
}
