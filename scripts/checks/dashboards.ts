import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { dashboards } from "../../deploy/grafana/dashboards.ts";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

const columns = 24;

/**
 * The dashboards in deploy/grafana/dashboards match the output of deploy/grafana/dashboards.ts. Each has a unique uid, and no
 * panel extends beyond the grid.
 */
export async function generatedDashboards(): Promise<CheckResult> {
  const folder = join(root, "deploy/grafana/dashboards");
  const kept = new Set(await readdir(folder));
  const problems: string[] = [];
  for (const [name, dashboard] of Object.entries(dashboards)) {
    const text = kept.has(name) ? await readFile(join(folder, name), "utf8") : "";
    if (text !== `${JSON.stringify(dashboard, undefined, 2)}\n`) {
      problems.push(`deploy/grafana/dashboards/${name} differs from the generated one`);
    }
    kept.delete(name);
    for (const panel of dashboard.panels ?? []) {
      const place = "gridPos" in panel ? panel.gridPos : undefined;
      if (place !== undefined && place.x + place.w > columns) {
        problems.push(`${name}: the panel "${panel.title}" is beyond the ${columns} columns of a dashboard`);
      }
    }
  }
  problems.push(...[...kept].map((name) => `deploy/grafana/dashboards/${name} belongs to no dashboard`));
  const uids = Object.values(dashboards).map(({ uid }) => uid);
  if (new Set(uids).size !== uids.length) {
    problems.push(`two dashboards have the same uid: ${uids.join(", ")}`);
  }
  return { passed: problems.length === 0, output: problems.join("\n") };
}
