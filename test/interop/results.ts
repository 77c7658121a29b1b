import { styleText } from "node:util";

/** What one case came to with one peer: passed, failed with a reason, or left out with a reason. */
type Cell = { readonly kind: "passed" } | { readonly kind: "failed" | "left out"; readonly why: string };

/** Tables of cases and peers, and how many passed and failed. */
export class Results {
  readonly #sections = new Map<string, Map<string, Map<string, Cell>>>();

  /** The outcome of a case. `problem` is undefined if it passed. */
  add(
    section: string,
    { name, peer, problem }: { readonly name: string; readonly peer: string; readonly problem: string | undefined },
  ): void {
    this.#set(section, { name, peer }, problem === undefined ? { kind: "passed" } : { kind: "failed", why: problem });
  }

  /** A case that could not be run with a peer, because something is not installed. It counts as neither. */
  leaveOut(
    section: string,
    { name, peer, why }: { readonly name: string; readonly peer: string; readonly why: string },
  ): void {
    this.#set(section, { name, peer }, { kind: "left out", why });
  }

  count(kind: Cell["kind"]): number {
    return this.#cells().filter((cell) => cell.cell.kind === kind).length;
  }

  /** A section's table: a row for each case, a column for each peer. */
  table(section: string): string {
    const rows = this.#sections.get(section) ?? new Map<string, Map<string, Cell>>();
    const peers = [...new Set([...rows.values()].flatMap((cells) => [...cells.keys()]))];
    const nameWidth = Math.max(...[...rows.keys()].map(({ length }) => length), 4);
    const widthOf = (peer: string) => Math.max(peer.length, "left out".length);
    const line = (name: string, texts: readonly string[]) =>
      `  ${name.padEnd(nameWidth)}  ${texts.join("  ")}`.trimEnd();
    return [
      line(
        "case",
        peers.map((peer) => peer.padEnd(widthOf(peer))),
      ),
      ...[...rows].map(([name, cells]) =>
        line(
          name,
          peers.map((peer) => mark(cells.get(peer), widthOf(peer))),
        ),
      ),
    ].join("\n");
  }

  /** Why cases failed, and why others were left out, each reason once. */
  reasons(section: string): string {
    const of = (kind: "failed" | "left out") =>
      this.#cells().flatMap((each) =>
        each.section === section && each.cell.kind === kind ? [{ ...each, why: each.cell.why }] : [],
      );
    const leftOut = new Set(of("left out").map(({ peer, why }) => `  – ${peer}: left out, ${why}`));
    const failed = of("failed").map(({ name, peer, why }) => `  ✗ ${name}, ${peer}: ${why}`);
    return [...leftOut, ...failed].join("\n");
  }

  #set(section: string, { name, peer }: { readonly name: string; readonly peer: string }, cell: Cell): void {
    const rows = this.#sections.get(section) ?? new Map<string, Map<string, Cell>>();
    const cells = rows.get(name) ?? new Map<string, Cell>();
    this.#sections.set(section, rows.set(name, cells.set(peer, cell)));
  }

  #cells() {
    return [...this.#sections].flatMap(([section, rows]) =>
      [...rows].flatMap(([name, cells]) => [...cells].map(([peer, cell]) => ({ section, name, peer, cell }))),
    );
  }
}

function mark(cell: Cell | undefined, width: number): string {
  switch (cell?.kind) {
    case "passed":
      return styleText("green", "passed".padEnd(width));
    case "failed":
      return styleText("red", "FAILED".padEnd(width));
    case "left out":
      return "left out".padEnd(width);
    default:
      return "".padEnd(width);
  }
}
