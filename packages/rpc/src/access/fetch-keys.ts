import http, { type Agent } from "node:http";
import https from "node:https";
import type { JSONWebKeySet } from "jose";

/** The time limit of the response, in milliseconds: calls wait for it. */
const answerMs = 2_000;
/** The largest response, in bytes: some 300 keys, where two or three are usual. */
const answerBytesMax = 64 * 1024;

/**
 * Fetches a JWK Set over HTTP (RFC 7517, section 5). With node:http, since fetch would add megabytes to a service. Rejects
 * without a response in time, or if it is not a JWK Set.
 *
 * @param agent creates the connections, TLS included. Default: one for each request, to the URL's host.
 */
export async function fetchKeys(url: URL, agent?: Agent): Promise<JSONWebKeySet> {
  const text = await get(url, agent);
  try {
    return JSON.parse(text) as JSONWebKeySet;
  } catch (cause) {
    throw new Error(`${url} did not return a JWK Set`, { cause });
  }
}

function get(url: URL, agent: Agent | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const { host, hostname, pathname: path } = url;
    const options = { signal: AbortSignal.timeout(answerMs), headers: { host, accept: "application/json" } };
    const request =
      agent !== undefined
        ? http.get({ ...options, agent, host: hostname, path })
        : (url.protocol === "https:" ? https : http).get(url, { ...options, agent: false });
    request.once("error", reject);
    request.once("response", (response) => {
      response.once("error", reject);
      if (response.statusCode !== 200) {
        response.destroy();
        reject(new Error(`${url} responded with status ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) {
          response.destroy(new Error(`${url} returned more than ${answerBytesMax} bytes`));
        }
        chunks.push(chunk);
      });
      response.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    });
  });
}
