import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";

/** The folder of swagger-ui-dist's files. */
const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

/** The files that the page needs, and no others. */
const files: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
`;

const start = `SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true });\n`;

/**
 * The API page (Swagger UI) at `/docs`, from the package: it fetches nothing from other origins. Its URLs are relative, so that
 * it works behind a proxy with a path prefix.
 */
export function apiPageRoutes(app: FastifyInstance): void {
  app.get("/docs", (_request, reply) => reply.type("text/html; charset=utf-8").send(page));
  app.get("/docs/", (_request, reply) => reply.redirect("../docs"));
  app.get("/docs/start.js", (_request, reply) => reply.type("text/javascript; charset=utf-8").send(start));
  for (const [name, type] of Object.entries(files)) {
    app.get(`/docs/${name}`, async (_request, reply) => {
      const content = await readFile(join(folder, name));
      return reply.type(type).header("cache-control", "public, max-age=86400").send(content);
    });
  }
}
