import { signal } from "@preact/signals";

/** The route of the page. It is in the URL's fragment, so that all paths of the gateway remain the API's. */
export interface Route {
  /** The view's name: `shop` for `#/shop`. */
  readonly view: string;
  /** The rest of the path, for example an id. */
  readonly rest: readonly string[];
  readonly params: URLSearchParams;
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => {
  route.value = read();
});

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/").map(decodeURIComponent);
  return { view, rest, params: new URLSearchParams(query) };
}

/** The URL of a view. Empty parameters are omitted. */
export function linkTo(path: string, params: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const query = new URLSearchParams(given).toString();
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}

export function goTo(link: string): void {
  location.hash = link;
}

/** Changes parameters of the current view without a history entry, for example while the user types in a filter. */
export function setParams(changes: Readonly<Record<string, string | undefined>>): void {
  const { view, rest, params } = route.value;
  const all = { ...Object.fromEntries(params), ...changes };
  history.replaceState(null, "", linkTo([view, ...rest].map(encodeURIComponent).join("/"), all));
  route.value = read();
}
