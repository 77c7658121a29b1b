/** RFC 9110, section 7.2, and RFC 3986, section 3.2: a name or address, perhaps empty, and perhaps a port. No userinfo. */
const hostPattern = /^(?:\[[0-9a-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::\d*)?$/i;

/** The last valid value: nearly all requests of a server name the same host. */
let lastValid = "localhost";

/** Whether a value is valid in the header `host` or in `:authority`. A recipient refuses any other (RFC 9112, section 3.2). */
export function isHostField(value: string): boolean {
  if (value === lastValid) {
    return true;
  }
  const isValid = hostPattern.test(value);
  if (isValid) {
    lastValid = value;
  }
  return isValid;
}
