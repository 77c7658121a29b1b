import { timestampMs } from "@bufbuild/protobuf/wkt";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { preciseTime } from "../parts/format.ts";
import { processes, stack } from "../session/stack.ts";

/** The process whose log is shown. */
export const chosenLog = signal("order");

/** The maximum number of lines shown. Older ones are removed. */
const linesMax = 300;
/** The delay before an ended log stream is requested again, in milliseconds. */
const againMs = 1_500;

interface Line {
  readonly key: number;
  readonly text: string;
  readonly level: string;
}

const lines = signal<readonly Line[]>([]);
let lastKey = 0;

/** The live log of a process. */
export function LogPanel(): JSX.Element {
  const place = useRef<HTMLPreElement>(null);
  useEffect(() => follow(chosenLog.value), [chosenLog.value]);
  const newest = lines.value.at(-1)?.key;
  useEffect(() => {
    const element = place.current;
    if (element !== null && element.scrollHeight - element.scrollTop - element.clientHeight < 120) {
      element.scrollTop = element.scrollHeight;
    }
  }, [newest]);
  return (
    <section class="panel" aria-label="Log">
      <header>
        <h2>Log</h2>
        <select
          class="log-choice"
          aria-label="Process"
          value={chosenLog.value}
          onChange={(event) => (chosenLog.value = event.currentTarget.value)}
        >
          {processes.value?.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be focusable. */}
      <pre ref={place} class="log" role="log" tabIndex={0} aria-label={`Log of ${chosenLog.value}`}>
        {lines.value.length === 0 ? <span class="muted">The log is empty.</span> : null}
        {lines.value.map(({ key, text, level }) => (
          <div key={key} class={level}>
            {text}
          </div>
        ))}
      </pre>
    </section>
  );
}

function follow(process: string): () => void {
  const closed = new AbortController();
  lines.value = [];
  const read = async () => {
    while (!closed.signal.aborted) {
      try {
        for await (const answer of stack.watchLogs({ process, lines: 100 }, { signal: closed.signal })) {
          const added = answer.lines.map(({ text, time }) => ({
            key: ++lastKey,
            ...readable(text, time === undefined ? 0 : timestampMs(time)),
          }));
          lines.value = [...lines.value, ...added].slice(-linesMax);
        }
      } catch {
        // The stream ends with the gateway. It is requested again.
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
      lines.value = closed.signal.aborted ? lines.value : [];
    }
  };
  void read();
  return () => closed.abort();
}

const levels: Readonly<Record<string, string>> = {
  warn: "warn-line",
  error: "wrong",
  fatal: "wrong",
  "40": "warn-line",
  "50": "wrong",
  "60": "wrong",
};
const hidden: ReadonlySet<string> = new Set(["level", "time", "msg", "name", "pid", "hostname"]);

/** Formats a JSON log line for reading. */
function readable(text: string, timeMs: number): Pick<Line, "text" | "level"> {
  try {
    const entry = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const rest = Object.entries(entry).filter(([name]) => !hidden.has(name));
    const fields = rest.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    return {
      text: `${preciseTime(timeMs)} ${String(entry.msg ?? "")} ${fields.join(" ")}`,
      level: levels[String(entry.level)] ?? "",
    };
  } catch {
    return { text, level: "" };
  }
}
