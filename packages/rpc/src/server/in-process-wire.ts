import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { IncomingCall } from "./incoming-call.ts";

/** What headers can be made from. */
export type HeaderInit = ConstructorParameters<typeof Headers>[0];

interface InProcessCallInit {
  readonly protocolName: IncomingCall["protocolName"];
  readonly peer: string;
  readonly timeoutMs: number | undefined;
  readonly header: HeaderInit;
}

/** A call that comes from the same process. */
export class InProcessCall implements IncomingCall {
  readonly protocolName: IncomingCall["protocolName"];
  readonly requestMethod = "POST";
  readonly peer: string;
  readonly url: string;
  readonly timeoutMs: number | undefined;
  readonly requestHeader: Headers;
  readonly responseHeader = new Headers();
  readonly responseTrailer = new Headers();

  constructor(method: DescMethod, { protocolName, peer, timeoutMs, header }: InProcessCallInit) {
    this.protocolName = protocolName;
    this.peer = peer;
    this.url = `memory://${method.parent.typeName}/${method.name}`;
    this.timeoutMs = timeoutMs;
    this.requestHeader = new Headers(header);
  }

  header(name: string): string | undefined {
    return this.requestHeader.get(name) ?? undefined;
  }
}

/** The message as the other side would read it. */
export function overTheWire<D extends DescMessage>(desc: D, message: MessageInitShape<D>): MessageShape<D> {
  return fromBinary(desc, toBinary(desc, create(desc, message)));
}

/** Each message as the other side would read it. */
export async function* eachOverTheWire<D extends DescMessage>(
  desc: D,
  messages: AsyncIterable<MessageInitShape<D>>,
): AsyncGenerator<MessageShape<D>> {
  for await (const message of messages) {
    yield overTheWire(desc, message);
  }
}

/** The error as its caller would read it: code, words, details and metadata, but no cause and no stack of the server's. */
export function errorOverTheWire(
  error: ConnectError,
  { responseHeader, responseTrailer }: InProcessCall,
): ConnectError {
  const metadata = new Headers(responseHeader);
  for (const headers of [responseTrailer, error.isWireError ? new Headers() : error.metadata]) {
    for (const [name, value] of headers) {
      metadata.set(name, value);
    }
  }
  const received = new ConnectError(error.rawMessage, error.code, metadata);
  received.details = error.details.map((detail) =>
    "desc" in detail
      ? { type: detail.desc.typeName, value: toBinary(detail.desc, create(detail.desc, detail.value)) }
      : detail,
  );
  received.isWireError = true;
  return received;
}
