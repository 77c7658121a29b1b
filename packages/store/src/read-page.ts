import { decodePageToken, encodePageToken, InvalidPageTokenError, type PagePlace } from "./page-token.ts";

/** The rows of a page whose request names no size. */
export const pageSizeDefault = 50;
/** The most rows of a page, as the contracts say. */
export const pageSizeMax = 100;

/** The part of a List request that chooses the page (AIP-158). */
export interface PageRequest {
  /** {@link pageSizeDefault} if 0; more than {@link pageSizeMax} is {@link pageSizeMax}. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
}

/** A list that is read page by page, sorted by a key. */
export interface PagedList<T, K extends PagePlace> {
  /** Names the list and its filters: a token of another list is refused. */
  readonly list: string;
  /** The type of each part of the key. A token that holds anything else is refused. */
  readonly keyTypes: { readonly [I in keyof K]: K[I] extends string ? "string" : "number" };
  keyOf(row: T): K;
  /** Reads at most `limit` rows behind a key, or from the beginning. */
  read(after: K | undefined, limit: number): Promise<readonly T[]>;
}

/** One page. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * Reads one page. A page begins behind the last row of the page before, so new rows shift nothing. Throws
 * {@link InvalidPageTokenError} for a token that this list did not issue.
 */
export async function readPage<T, K extends PagePlace>(
  { pageSize, pageToken }: PageRequest,
  { list, keyTypes, keyOf, read }: PagedList<T, K>,
): Promise<Page<T>> {
  const size = Math.min(pageSize === 0 ? pageSizeDefault : pageSize, pageSizeMax);
  const after = pageToken === "" ? undefined : (decodePageToken(pageToken, list) as K);
  if (after?.some((part, index) => typeof part !== keyTypes[index]) || (after && after.length !== keyTypes.length)) {
    throw new InvalidPageTokenError();
  }
  // One row more than the page holds shows whether there is a next page.
  const found = await read(after, size + 1);
  const rows = found.slice(0, size);
  const last = found.length > size ? rows.at(-1) : undefined;
  return { rows, nextPageToken: last === undefined ? "" : encodePageToken(keyOf(last), list) };
}
