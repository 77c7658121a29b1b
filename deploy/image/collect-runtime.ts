// `node collect-runtime.ts FOLDER`: puts what a program of Node needs of this system into a folder that becomes an image's root: Node, the
// libraries that it has loaded, the dynamic loader among them, and a user of its own. Node has its own certificates and time zones.
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("node collect-runtime.ts FOLDER");
}

const { sharedObjects } = process.report.getReport() as unknown as { readonly sharedObjects: readonly string[] };
// The kernel brings linux-vdso itself; it has no path.
for (const library of sharedObjects.filter((path) => path.startsWith("/") && /\.so(\.|$)/.test(path))) {
  copy(library, library);
}
copy(process.execPath, "/usr/local/bin/node");
write("/etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nparley:x:65532:65532:parley:/parley:/sbin/nologin\n");
write("/etc/group", "root:x:0:\nparley:x:65532:\n");
mkdirSync(join(folder, "tmp"), { recursive: true });
chmodSync(join(folder, "tmp"), 0o1777);
// A volume that is mounted here begins with its owner: `parley keys` writes to it as the image's user.
mkdirSync(join(folder, "keys"), { recursive: true, mode: 0o700 });
chownSync(join(folder, "keys"), 65532, 65532);

function copy(from: string, to: string): void {
  const target = join(folder as string, to);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(from, target);
  chmodSync(target, 0o755);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder as string, path)), { recursive: true });
  writeFileSync(join(folder as string, path), text);
}
