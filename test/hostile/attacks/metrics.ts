import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause, scaled } from "../attack.ts";
import { headers } from "../wire/http2-frames.ts";
import { RawHttp1 } from "../wire/raw-http1.ts";
import { RawHttp2 } from "../wire/raw-http2.ts";

/** Pages that are generated for each request. */
const pages = ["/metrics", "/health", "/openapi.json", "/docs", "/traces/4bf92f3577b34da6a3ce929d0e0e4736"];

/** Many pipelined HTTP/1.1 requests for one page, in a few kilobytes. */
function pipelined(path: string, reads: boolean) {
  return async ({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const requests = scaled(3_600, scale, 400);
    const connections = Array.from({ length: 4 }, () => new RawHttp1(urls.product, { reads }));
    await Promise.all(
      connections.map(async (connection) => {
        await connection.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(requests / 4), 3_000);
        if (reads) await connection.while(() => !signal.aborted, 6_000 * scale);
      }),
    );
    if (!reads) await pause(4_000 * scale, signal);
    for (const each of connections) each.close();
    return { findings: [], note: `${requests} of ${path}` };
  };
}

/** The same requests as HTTP/2 streams. */
async function streams({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const total = scaled(4_000, scale, 400);
  const connection = new RawHttp2(urls.product);
  await connection.roundTrip(3_000);
  for (let index = 0; index < total && !signal.aborted && !connection.closed; index += 50) {
    const batch = Array.from({ length: 50 }, (_, each) =>
      headers(
        1 + 2 * (index + each),
        [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", pages[(index + each) % pages.length] as string],
          [":authority", "localhost"],
        ],
        true,
      ),
    );
    await connection.send(Buffer.concat(batch), 2_000);
    await connection.while(() => index - connection.ended > 800, 2_000);
  }
  await connection.while(() => connection.ended < total && !signal.aborted, 6_000 * scale);
  connection.close();
  return { findings: [], note: `${total} streams` };
}

/** With `AUTH=required`, metrics and traces must not be public. */
async function open({ urls, auth }: AttackTarget): Promise<AttackReport> {
  const findings: string[] = [];
  for (const path of ["/metrics", "/traces/4bf92f3577b34da6a3ce929d0e0e4736"]) {
    const { status } = await fetch(`${urls.product}${path}`);
    if (auth === "required" && status === 200) findings.push(`GET ${path} answers 200 without a token`);
  }
  return { findings, note: "one look" };
}

export const metrics: readonly Attack[] = [
  ...pages.flatMap((path): Attack[] => [
    { name: `metrics/pipelined${path.slice(0, 8).replaceAll("/", "-")}`, run: pipelined(path, true) },
    ...(path === "/metrics" ? [{ name: "metrics/pipelined-unread", run: pipelined(path, false) }] : []),
  ]),
  { name: "metrics/streams", run: streams },
  { name: "metrics/open", auths: ["required"], run: open },
];
