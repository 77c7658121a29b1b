// Installs the packages if they are missing or older than the lock file. It runs before `npm start`, `npm test` and `npm run check`,
// on any Node version: hence CommonJS and no new syntax.
const { spawnSync } = require("node:child_process");
const { statSync } = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");

function changedAt(path) {
  try {
    return statSync(join(root, path)).mtimeMs;
  } catch (_missing) {
    return 0;
  }
}

if (changedAt("node_modules/.package-lock.json") < changedAt("package-lock.json")) {
  console.log("Installing packages (once; about half a minute) …");
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = npm
    ? spawnSync(process.execPath, [npm].concat(args), { cwd: root, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: true });
  if (result.status !== 0) {
    console.error("The packages could not be installed; npm's output is above. `npm ci` tries again.");
    process.exit(result.status || 1);
  }
}
