// `npm run dashboards`: writes the dashboards as JSON, for Grafana to import or provision.
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dashboards } from "./dashboards.ts";

const folder = fileURLToPath(new URL("dashboards", import.meta.url));
await mkdir(folder, { recursive: true });
for (const [name, dashboard] of Object.entries(dashboards)) {
  await writeFile(`${folder}/${name}`, dashboardText(dashboard));
}
console.log(`${Object.keys(dashboards).length} dashboards are in deploy/grafana/dashboards.`);

function dashboardText(dashboard: object): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
