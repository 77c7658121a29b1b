import { createSocket, type RemoteInfo } from "node:dgram";
import type { AddressInfo } from "node:net";

/** For tests: the records of a name. */
export interface DnsRecords {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly srv?: readonly { readonly priority?: number; readonly port: number; readonly target: string }[];
  /** In seconds. Default 0. */
  readonly ttl?: number;
}

/** For tests: a DNS server on a UDP port of its own (RFC 1035). Names without records are NXDOMAIN. */
export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** The queried names, in order, one entry for each question and type. */
  readonly asked: string[];
  set(name: string, records: DnsRecords): void;
  delete(name: string): void;
  /** Whether it responds at all. */
  silent: boolean;
  close(): Promise<void>;
}

const types = { a: 1, aaaa: 28, srv: 33 } as const;

export async function dnsServer(): Promise<DnsServer> {
  const zone = new Map<string, DnsRecords>();
  const socket = createSocket("udp4");
  const server: DnsServer = {
    address: "",
    asked: [],
    silent: false,
    set: (name, records) => zone.set(name, records),
    delete: (name) => zone.delete(name),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on("message", (query: Buffer, { port, address }: RemoteInfo) => {
    if (server.silent) {
      return;
    }
    const { name, type, end } = questionOf(query);
    server.asked.push(name);
    socket.send(answerTo(query.subarray(0, end), zone.get(name), type), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return Object.assign(server, { address: `127.0.0.1:${(socket.address() as AddressInfo).port}` });
}

function questionOf(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(question: Buffer, records: DnsRecords | undefined, type: number): Buffer {
  const answers = records === undefined ? [] : dataOf(records, type);
  const head = Buffer.from(question);
  // A response, recursion available; NXDOMAIN if the name does not exist.
  head.writeUInt16BE(records === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers.length, 6);
  head.writeUInt32BE(0, 8);
  const written = answers.map((data) => {
    const fixed = Buffer.alloc(12);
    // The name is the question's, at offset 12 (RFC 1035, section 4.1.4).
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(records?.ttl ?? 0, 6);
    fixed.writeUInt16BE(data.length, 10);
    return Buffer.concat([fixed, data]);
  });
  return Buffer.concat([head, ...written]);
}

function dataOf({ a = [], aaaa = [], srv = [] }: DnsRecords, type: number): readonly Buffer[] {
  switch (type) {
    case types.a:
      return a.map((address) => Buffer.from(address.split(".").map(Number)));
    case types.aaaa:
      return aaaa.map((address) => Buffer.from(address.replaceAll(":", ""), "hex"));
    case types.srv:
      return srv.map(({ priority = 0, port, target }) => {
        const numbers = Buffer.alloc(6);
        numbers.writeUInt16BE(priority, 0);
        numbers.writeUInt16BE(port, 4);
        return Buffer.concat([numbers, nameBytes(target)]);
      });
    default:
      return [];
  }
}

function nameBytes(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
