import { createHash } from "node:crypto";
import { StoreError } from "./store-errors.ts";

/** A position in a list: the sort key of the last row returned. */
export type PagePlace = readonly (string | number)[];

/** The maximum length of a token in characters, as in the contracts. */
const tokenLengthMax = 512;
/** Enough to detect a changed token or one of another list. A position is not secret, so the checksum needs no key. */
const checksumBytes = 6;

/** A page token that {@link encodePageToken} did not create, or created for another list. */
export class InvalidPageTokenError extends StoreError {
  override readonly name = "InvalidPageTokenError";

  constructor() {
    super(
      "`page_token` was not issued for this list and filter. Send the `next_page_token` of the previous page with the same filter, or leave it out.",
    );
  }
}

/**
 * Encodes a position as an opaque page token. `list` names the list and its filters (for example `orders of user 1`), so that a token of another
 * list is refused.
 */
export function encodePageToken(place: PagePlace, list = ""): string {
  const body = Buffer.from(JSON.stringify(place));
  const token = Buffer.concat([checksum(body, list), body]).toString("base64url");
  if (token.length > tokenLengthMax) {
    throw new RangeError(`A page token has at most ${tokenLengthMax} characters; this position needs ${token.length}.`);
  }
  return token;
}

/** Decodes a token of the same `list`. Throws {@link InvalidPageTokenError} if it is invalid. */
export function decodePageToken(token: string, list = ""): PagePlace {
  if (token.length > tokenLengthMax || !/^[A-Za-z0-9_-]+$/.test(token)) {
    throw new InvalidPageTokenError();
  }
  const bytes = Buffer.from(token, "base64url");
  const body = bytes.subarray(checksumBytes);
  if (!checksum(body, list).equals(bytes.subarray(0, checksumBytes))) {
    throw new InvalidPageTokenError();
  }
  const place: unknown = parse(body.toString());
  if (!Array.isArray(place) || !place.every((value) => typeof value === "string" || typeof value === "number")) {
    throw new InvalidPageTokenError();
  }
  return place;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidPageTokenError();
  }
}

function checksum(body: Uint8Array, list: string): Buffer {
  return createHash("sha256").update(`parley page token\0${list}\0`).update(body).digest().subarray(0, checksumBytes);
}
