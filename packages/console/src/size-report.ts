import type { PageFile } from "./built-page.ts";

/** The most JavaScript before the first view can be used, in bytes as they are sent (gzip): it arrives within a second at 1 Mbit/s. */
export const firstBytesMax = 80 * 1024;

/** The most JavaScript in all, in bytes as they are sent (gzip). */
export const allBytesMax = 140 * 1024;

/** What the page weighs, and where it weighs too much. */
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
      `JavaScript, gzip: ${kib(first)} before the first view of ${kib(firstBytesMax)}, ${kib(all)} in all of ${kib(allBytesMax)}.`,
    ],
    problems: [
      ...(first > firstBytesMax
        ? [`The first view needs ${kib(first)}; at most ${kib(firstBytesMax)} are allowed.`]
        : []),
      ...(all > allBytesMax ? [`The page needs ${kib(all)} in all; at most ${kib(allBytesMax)} are allowed.`] : []),
    ],
  };
}

function sum(files: readonly PageFile[]): number {
  return files.reduce((bytes, { gzipBytes }) => bytes + gzipBytes, 0);
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
