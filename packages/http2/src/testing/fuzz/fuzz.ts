import { broken, summaryOf } from "./invariants.ts";
import { type Observation, observe } from "./observation.ts";
import { Random } from "./random.ts";
import { randomSequence, type Sequence } from "./sequence.ts";

/** The result of a run. */
export interface FuzzReport {
  readonly sequences: number;
  /** The number of sequences that ended their connection, and of valid ones. */
  readonly destroyed: number;
  readonly valid: number;
  /** The most CPU time of one sequence, in milliseconds. */
  readonly cpuMostMs: number;
  readonly failures: readonly FuzzFailure[];
}

export interface FuzzFailure {
  /** Repeats the same sequence, as `--seed`, with `--sequences 1`. */
  readonly seed: number;
  readonly problem: string;
  readonly frames: readonly string[];
}

export interface FuzzOptions {
  /** The seed of the first sequence; each further one has the next. */
  readonly seed: number;
  readonly sequences: number;
  /** Replaces {@link observe}: for planted faults. */
  readonly observe?: (sequence: Sequence) => Promise<Observation>;
  readonly onProgress?: (done: number) => void;
}

/** Far more than the longest flood takes; only a hang takes longer. */
const cpuMaxMs = 2_000;
const failuresMax = 5;

/** Sends generated sequences of frames to connections, each once whole and once split, and checks the results. */
export async function fuzz({ seed, sequences, onProgress, ...options }: FuzzOptions): Promise<FuzzReport> {
  const look = options.observe ?? observe;
  const failures: FuzzFailure[] = [];
  const counts = { destroyed: 0, valid: 0, cpuMostMs: 0 };
  let done = 0;
  for (; done < sequences && failures.length < failuresMax; done++) {
    const sequence = randomSequence(new Random(seed + done));
    const before = process.threadCpuUsage();
    const whole = await look({ ...sequence, cuts: [] });
    const cut = await look(sequence);
    const used = process.threadCpuUsage(before);
    const cpuMs = (used.user + used.system) / 1_000;
    const problem = broken(sequence, whole) ?? broken(sequence, cut) ?? differing(sequence, whole, cut) ?? slow(cpuMs);
    if (problem !== undefined) {
      failures.push({
        seed: seed + done,
        problem,
        frames: sequence.frames.slice(0, 40).map((each) => each.toString("hex")),
      });
    }
    counts.destroyed += cut.destroyed ? 1 : 0;
    counts.valid += sequence.valid ? 1 : 0;
    counts.cpuMostMs = Math.max(counts.cpuMostMs, cpuMs);
    onProgress?.(done + 1);
  }
  return { sequences: done, ...counts, failures };
}

/** Floods are cut off by a time limit, so two runs may end at different frames. */
function differing({ frames }: Sequence, whole: Observation, cut: Observation): string | undefined {
  if (frames.length > 100 || summaryOf(whole) === summaryOf(cut)) {
    return undefined;
  }
  return `it depends on where the bytes are cut:\n  ${summaryOf(whole)}\n  ${summaryOf(cut)}`;
}

function slow(cpuMs: number): string | undefined {
  return cpuMs > cpuMaxMs ? `it took ${cpuMs.toFixed(0)} ms of CPU time` : undefined;
}
