import type { PageFile } from "./built-page.ts";

/** The maximum size of the JavaScript that the first view needs, in gzip-compressed bytes: it loads within a second at 1 Mbit/s. */
export const firstBytesMax = 80 * 1024;

/** The maximum size of all JavaScript, in gzip-compressed bytes. */
export const allBytesMax = 140 * 1024;

/** The sizes of the page's files, and the limits that they exceed. */
export function sizeReport(files: readonly PageFile[]): {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
} {
  const scripts = files.filter(({ name }) => name.endsWith(".js"));
  const first = sum(scripts.filter((file) => file.first));
  const all = sum(scripts);
  return {
    lines: [
      ...files.map(({ name, gzipBytes, first }) => `${kib(gzipBytes).padStart(9)}  ${name}${first ? "" : " (later)"}`),
      `JavaScript, gzip: ${kib(first)} of ${kib(firstBytesMax)} before the first view, ${kib(all)} of ${kib(allBytesMax)} in total.`,
    ],
    problems: [
      ...(first > firstBytesMax
        ? [`The first view needs ${kib(first)}; at most ${kib(firstBytesMax)} are allowed.`]
        : []),
      ...(all > allBytesMax ? [`The page needs ${kib(all)} in total; at most ${kib(allBytesMax)} are allowed.`] : []),
    ],
  };
}

function sum(files: readonly PageFile[]): number {
  return files.reduce((bytes, { gzipBytes }) => bytes + gzipBytes, 0);
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
