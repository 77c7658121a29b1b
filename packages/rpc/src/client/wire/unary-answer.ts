import type { DescMessage, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";
import { headersFromNode } from "../../protocol/metadata.ts";

/** Header fields in Node's form. */
export type NodeFields = Readonly<Record<string, string | string[] | undefined>>;

/** An HTTP response: status, fields and body. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeFields;
  readonly trailers: NodeFields;
  readonly body: Buffer;
}

/** A unary response whose metadata becomes Web headers on demand, which most callers never need. */
export class UnaryAnswer<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false as const;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;
  readonly #header: NodeFields;
  readonly #trailer: NodeFields;
  #webHeader: Headers | undefined;
  #webTrailer: Headers | undefined;

  constructor(method: DescMethodUnary<I, O>, message: MessageShape<O>, header: NodeFields, trailer: NodeFields) {
    this.method = method;
    this.message = message;
    this.#header = header;
    this.#trailer = trailer;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get header(): Headers {
    this.#webHeader ??= headersFromNode(this.#header);
    return this.#webHeader;
  }

  get trailer(): Headers {
    this.#webTrailer ??= headersFromNode(this.#trailer);
    return this.#webTrailer;
  }
}
