import { EnvError, makeValidator } from "envalid";
import { parseTarget } from "../../client/connection/resolution/target.ts";

/**
 * The target of another service: an http or https URL without path and query, `host:port`, a comma-separated list of these,
 * `dns:///name:port` or `srv:///_grpc._tcp.name`. `host:port` becomes `http://host:port`.
 */
export const serviceUrl = makeValidator((input: string) => {
  const parts = /^(dns|srv)(\+https)?:/.test(input) ? [input] : input.split(",").map((part) => checkedUrl(part.trim()));
  const target = parts.join(",");
  try {
    parseTarget(target);
  } catch (error) {
    throw new EnvError(error instanceof Error ? error.message : String(error));
  }
  return target;
});

const forms =
  "must be an http:// or https:// URL, host:port, several of these with commas between them, dns:///name:port or srv:///name";

function checkedUrl(input: string): string {
  const text = /^([\w.-]+|\[[\da-f:.]+\]):\d{1,5}\/?$/i.test(input) ? `http://${input}` : input;
  const parsed = URL.parse(text);
  if (parsed === null || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    throw new EnvError(`${forms}; is "${input}"`);
  }
  if (parsed.pathname !== "/" || parsed.search !== "" || parsed.hash !== "") {
    throw new EnvError(`must be a URL with no path, is "${input}"`);
  }
  return text.replace(/\/$/, "");
}
