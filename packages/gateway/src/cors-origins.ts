import { isLoopbackName } from "@parley/rpc/server";

/** The word in `CORS_ORIGINS` for every page on this machine, on any port. */
const localhostWord = "localhost";

/**
 * Whether scripts of a page may read the gateway's responses, by the page's origin. The gateway's own pages always may, since
 * browsers do not check those.
 *
 * @param origins origins such as `https://shop.example`, `localhost` for every page on this machine, `*` for every page.
 */
export function corsOrigins(origins: readonly string[]): (origin: string | undefined) => boolean {
  const allowed = new Set(origins);
  return (origin) => {
    if (origin === undefined || allowed.has("*") || allowed.has(origin)) {
      return true;
    }
    const hostname = URL.parse(origin)?.hostname;
    return allowed.has(localhostWord) && hostname !== undefined && isLoopbackName(hostname);
  };
}
