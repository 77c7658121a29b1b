export interface PageParts {
  readonly main: string;
  /** The static imports of the main script. */
  readonly preloads: readonly string[];
  readonly style: string;
  readonly icon: string;
}

/** The path of the page's files, relative to the page: a proxy may add a prefix. */
export const filesPath = "console/";

/** The HTML page. It has no inline script or style, so that the Content-Security-Policy need not allow any. */
export function pageHtml({ main, preloads, style, icon }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Parley</title>
<link rel="icon" type="image/svg+xml" href="${filesPath}${icon}">
<link rel="stylesheet" href="${filesPath}${style}">
${preloads.map((name) => `<link rel="modulepreload" href="${filesPath}${name}">\n`).join("")}<script type="module" src="${filesPath}${main}"></script>
</head>
<body>
<noscript>The console needs JavaScript. REST (docs), the command line (npx parley) and curl offer the same functions.</noscript>
</body>
</html>
`;
}
