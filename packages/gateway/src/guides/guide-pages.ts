import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { wantsHtml } from "../wants-html.ts";

/** The guides of the repository, which the platform's package contains too. */
const guides = fileURLToPath(new URL("../../../../docs", import.meta.url));

/** Tables may be wider than a phone; everything else keeps to a readable line length. */
const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { display: block; overflow-x: auto; border-collapse: collapse; }
th, td { padding: .25rem .75rem; border: 1px solid #8886; text-align: start; vertical-align: top; }
pre { overflow-x: auto; padding: .75rem; background: #8882; }
:target { background: #fd06; }
`;

/** Their folders, by path: the guides, and the decisions that they link to. */
const folders = { "/docs": guides, "/docs/decisions": `${guides}/decisions` };

/**
 * The guides at `/docs/<name>.md`: HTML for browsers, Markdown for everything else. An error's `google.rpc.Help` links to its reason's
 * section of `/docs/errors.md`, an alert to its section of `/docs/runbooks.md`.
 */
export function guidePageRoutes(app: FastifyInstance): void {
  for (const [path, folder] of Object.entries(folders)) {
    app.get<{ Params: { name: string } }>(`${path}/:name`, async (request, reply) => {
      const { name } = request.params;
      // Only names listed in the folder are read, which prevents path traversal.
      if (!name.endsWith(".md") || !(await names(folder)).includes(name)) {
        return reply.callNotFound();
      }
      const text = await readFile(join(folder, name), "utf8");
      reply.headers({ vary: "accept", "cache-control": "no-cache" });
      return wantsHtml(request)
        ? reply.type("text/html; charset=utf-8").send(await html(text))
        : reply.type("text/markdown; charset=utf-8").send(text);
    });
  }
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function html(text: string): Promise<string> {
  const { Marked } = await import("marked");
  const markdown = new Marked({
    renderer: {
      heading({ tokens, depth, text: title }) {
        return `<h${depth} id="${headingId(title)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
    },
  });
  const body = await markdown.parse(text);
  const title = /^# (.*)$/m.exec(text)?.[1] ?? "Guide";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Parley</title>
<style>${style}</style>
<main>
${body}</main>
</html>
`;
}

/** A heading's anchor, as GitHub forms it: `USER_NOT_FOUND` becomes `user_not_found`, "Who may call" becomes `who-may-call`. */
function headingId(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}
