import { styleText } from "node:util";

/** The result of a case with a peer: passed, failed with a reason, or skipped with a reason. */
type Cell = { readonly kind: "passed" } | { readonly kind: "failed" | "left out"; readonly why: string };

/** Tables of cases and peers, with the totals of passed and failed. */
export class Results {
  readonly #sections = new Map<string, Map<string, Map<string, Cell>>>();

  /** Adds the result of a case. `problem` is undefined if it passed. */
  add(
    section: string,
    { name, peer, problem }: { readonly name: string; readonly peer: string; readonly problem: string | undefined },
  ): void {
    this.#set(section, { name, peer }, problem === undefined ? { kind: "passed" } : { kind: "failed", why: problem });
  }

  /** Adds a case that was skipped because a program is not installed. It counts as neither passed nor failed. */
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

  /** The reasons of failed and skipped cases, each listed once. */
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
