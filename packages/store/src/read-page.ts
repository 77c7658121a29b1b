import { decodePageToken, encodePageToken, InvalidPageTokenError, type PagePlace } from "./page-token.ts";

/** The page size if the request sets none. */
export const pageSizeDefault = 50;
/** The maximum page size, as in the contracts. */
export const pageSizeMax = 100;

/** The paging fields of a List request (AIP-158). */
export interface PageRequest {
  /** 0 means {@link pageSizeDefault}. Values above {@link pageSizeMax} are reduced to it. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
}

/** A paged list, sorted by a key. */
export interface PagedList<T, K extends PagePlace> {
  /** The name of the list and its filters: a token of another list is refused. */
  readonly list: string;
  /** The type of each part of the key. A token with other types is refused. */
  readonly keyTypes: { readonly [I in keyof K]: K[I] extends string ? "string" : "number" };
  keyOf(row: T): K;
  /** Reads at most `limit` rows after a key, or from the beginning. */
  read(after: K | undefined, limit: number): Promise<readonly T[]>;
}

/** One page. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * Reads one page. A page begins after the last row of the previous page, so new rows do not shift it. Throws {@link InvalidPageTokenError} for a
 * token that this list did not issue.
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
  // One extra row shows whether there is a next page.
  const found = await read(after, size + 1);
  const rows = found.slice(0, size);
  const last = found.length > size ? rows.at(-1) : undefined;
  return { rows, nextPageToken: last === undefined ? "" : encodePageToken(keyOf(last), list) };
}
