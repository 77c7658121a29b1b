/**
 * Path and query of a request target. A server also accepts the absolute form, with scheme and authority, which clients send to proxies (RFC 9112,
 * section 3.2.2).
 */
export function splitUrl(target: string): { readonly path: string; readonly query: string } {
  const url = target.startsWith("/") ? target : originForm(target);
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

const absolutePattern = /^https?:\/\/[^/?#]+/i;

function originForm(target: string): string {
  const authority = absolutePattern.exec(target)?.[0];
  if (authority === undefined) {
    return target;
  }
  const rest = target.slice(authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}
