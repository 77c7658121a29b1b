import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { type BuiltPage, draftFolder, type PageFile, publishBuild } from "./built-page.ts";
import { pageHtml } from "./page-html.ts";
import { sourceHash } from "./source-hash.ts";

const page = fileURLToPath(new URL("../page", import.meta.url));

/** Bundles the page and publishes it as the current build. Rejects with the bundler's messages if the sources have errors. */
export async function buildConsole(): Promise<BuiltPage> {
  const [hash, folder] = await Promise.all([sourceHash(), draftFolder()]);
  const [scripts, style, icon] = await Promise.all([bundle(folder), styleSheet(folder), iconFile(folder)]);
  const files = await Promise.all(
    [...scripts, { name: style, first: true }, { name: icon, first: true }].map((file) => described(folder, file)),
  );
  const [main = "", ...preloads] = scripts.filter(({ first }) => first).map(({ name }) => name);
  const built = { sourceHash: hash, folder, files, html: pageHtml({ main, preloads, style, icon }) };
  await publishBuild(built);
  return built;
}

interface NamedFile {
  readonly name: string;
  readonly first: boolean;
}

/** The scripts: the main one first, then its static imports. */
async function bundle(folder: string): Promise<readonly NamedFile[]> {
  const bundled = await rolldown({
    input: { console: join(page, "main.tsx") },
    platform: "browser",
    transform: { target: "es2023", jsx: { runtime: "automatic", importSource: "preact" } },
    tsconfig: false,
    onLog(level, log) {
      if (level === "warn") {
        throw new Error(`The console could not be bundled: ${log.message}`);
      }
    },
  });
  const { output } = await bundled.write({
    dir: folder,
    format: "esm",
    minify: true,
    entryFileNames: "[name]-[hash].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundled.close();
  const chunks = new Map(output.flatMap((part) => (part.type === "chunk" ? [[part.fileName, part] as const] : [])));
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  const first = new Set<string>();
  const visit = (name: string) => {
    if (!first.has(name)) {
      first.add(name);
      chunks.get(name)?.imports.forEach(visit);
    }
  };
  visit(entry?.fileName ?? "");
  const later = [...chunks.keys()].filter((name) => !first.has(name));
  return [...[...first].map((name) => ({ name, first: true })), ...later.map((name) => ({ name, first: false }))];
}

/** Concatenates all style sheets, sorted by name. */
async function styleSheet(folder: string): Promise<string> {
  const names = (await readdir(join(page, "style"))).filter((name) => name.endsWith(".css")).sort();
  const texts = await Promise.all([
    // The style sheet of the charts. It comes first so that the page's own rules override it.
    readFile(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.min.css")), "utf8"),
    ...names.map((name) => readFile(join(page, "style", name), "utf8")),
  ]);
  return writeHashed(folder, { name: "console", extension: "css", content: shortened(texts.join("\n")) });
}

async function iconFile(folder: string): Promise<string> {
  return writeHashed(folder, {
    name: "icon",
    extension: "svg",
    content: await readFile(join(page, "icon.svg"), "utf8"),
  });
}

async function writeHashed(
  folder: string,
  { name, extension, content }: { readonly name: string; readonly extension: string; readonly content: string },
): Promise<string> {
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 8);
  const file = `${name}-${hash}.${extension}`;
  await writeFile(join(folder, file), content);
  return file;
}

/** Removes comments and indentation. Compression does the rest. */
function shortened(css: string): string {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s*\n\s*/g, "\n")
    .trim();
}

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

async function described(folder: string, { name, first }: NamedFile): Promise<PageFile> {
  const content = await readFile(join(folder, name));
  const compressed = gzipSync(content, { level: 9 });
  await writeFile(join(folder, `${name}.gz`), compressed);
  const type = types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  return { name, first, type, bytes: content.length, gzipBytes: compressed.length };
}
