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
import { withoutStack } from "../../call/without-stack.ts";
import { CheckedHeader, checkedHeader, type MetadataInit } from "../../client/call/call-header.ts";
import type { IncomingCall } from "../pipeline/incoming-call.ts";

/** The argument of the `Headers` constructor. */
export type HeaderInit = ConstructorParameters<typeof Headers>[0];

interface InProcessCallInit {
  readonly protocolName: IncomingCall["protocolName"];
  readonly peer: string;
  readonly timeoutMs: number | undefined;
  readonly header: HeaderInit;
}

/** A call from the same process. */
export class InProcessCall implements IncomingCall {
  readonly protocolName: IncomingCall["protocolName"];
  readonly jsonNames: boolean;
  readonly requestMethod = "POST";
  readonly peer: string;
  readonly timeoutMs: number | undefined;
  readonly #method: DescMethod;
  readonly #header: HeaderInit;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(method: DescMethod, { protocolName, peer, timeoutMs, header }: InProcessCallInit) {
    this.protocolName = protocolName;
    this.jsonNames = protocolName === "rest";
    this.peer = peer;
    this.#method = method;
    this.timeoutMs = timeoutMs;
    this.#header = header === undefined ? undefined : checkedHeader(header as MetadataInit);
  }

  header(name: string): string | undefined {
    // A search of the few pairs is cheaper than the creation of a `Headers` object.
    return this.#requestHeader === undefined && this.#header instanceof CheckedHeader
      ? this.#header.find((pair) => pair[0] === name)?.[1]
      : (this.requestHeader.get(name) ?? undefined);
  }

  get url(): string {
    return `memory://${this.#method.parent.typeName}/${this.#method.name}`;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= new Headers(this.#header);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }
}

/** Serializes and parses the message. The result is the receiver's copy. */
export function overTheWire<D extends DescMessage>(desc: D, message: MessageInitShape<D>): MessageShape<D> {
  return fromBinary(desc, toBinary(desc, create(desc, message)));
}

/** {@link overTheWire} for each message of a stream. */
export async function* eachOverTheWire<D extends DescMessage>(
  desc: D,
  messages: AsyncIterable<MessageInitShape<D>>,
): AsyncGenerator<MessageShape<D>> {
  for await (const message of messages) {
    yield overTheWire(desc, message);
  }
}

/** The error as the client receives it: code, message, details and metadata, without the server's cause and stack. */
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
  const received = withoutStack(() => new ConnectError(error.rawMessage, error.code, metadata));
  received.details = error.details.map((detail) =>
    "desc" in detail
      ? { type: detail.desc.typeName, value: toBinary(detail.desc, create(detail.desc, detail.value)) }
      : detail,
  );
  received.isWireError = true;
  return received;
}
