import type { SourceFile } from "./broken-rules.ts";
import type { Violation } from "./violation.ts";

/**
 * Finds import cycles, type imports included, with Tarjan's algorithm for strongly connected components. Reports one violation
 * for each cycle, at its first file.
 */
export function importCircles(files: readonly SourceFile[]): readonly Violation[] {
  const imports = new Map(
    files.map(({ path, imports }) => [path, imports.flatMap(({ target }) => (target === undefined ? [] : [target]))]),
  );
  return strongComponents(imports)
    .filter((component) => component.length > 1)
    .map((component) => {
      const [first = "", ...others] = component.toSorted();
      return { file: first, problem: `imports in a circle with ${others.join(", ")}` };
    });
}

interface Visit {
  readonly index: number;
  lowest: number;
  onStack: boolean;
}

function strongComponents(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const visits = new Map<string, Visit>();
  const stack: string[] = [];
  const components: string[][] = [];
  function visit(node: string): Visit {
    const own: Visit = { index: visits.size, lowest: visits.size, onStack: true };
    visits.set(node, own);
    stack.push(node);
    for (const target of graph.get(node) ?? []) {
      if (!graph.has(target)) {
        continue;
      }
      const seen = visits.get(target);
      if (seen === undefined) {
        own.lowest = Math.min(own.lowest, visit(target).lowest);
      } else if (seen.onStack) {
        own.lowest = Math.min(own.lowest, seen.index);
      }
    }
    if (own.lowest === own.index) {
      const component = stack.splice(stack.indexOf(node));
      for (const member of component) {
        (visits.get(member) as Visit).onStack = false;
      }
      components.push(component);
    }
    return own;
  }
  for (const node of graph.keys()) {
    if (!visits.has(node)) {
      visit(node);
    }
  }
  return components;
}
