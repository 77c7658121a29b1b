import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

/**
 * The response without headers and trailers that HTTP does not allow, for example values with a control character that an
 * implementation set. Node would throw on them after the stream has begun, where nothing catches the error.
 */
export function withWritableHeaders(
  response: UniversalServerResponse,
  onDropped: (name: string) => void,
): UniversalServerResponse {
  // Getters, since an implementation may add headers until the first message is sent, and trailers until the last is.
  return {
    status: response.status,
    ...(response.body === undefined ? {} : { body: response.body }),
    get header() {
      return writable(response.header, onDropped);
    },
    get trailer() {
      return writable(response.trailer, onDropped);
    },
  } as UniversalServerResponse;
}

function writable<H extends Headers | undefined>(headers: H, onDropped: (name: string) => void): H {
  for (const [name, value] of [...(headers ?? [])]) {
    if (invalidValue.test(value)) {
      headers?.delete(name);
      onDropped(name);
    }
  }
  return headers;
}

/** RFC 9110, section 5.5: a field value consists of visible characters, spaces, tabs, and bytes from 0x80 on. */
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/;
