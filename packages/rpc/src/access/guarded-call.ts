import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { JSONWebKeySet } from "jose";
import type { Caller } from "../call/call-context.ts";
import type { Owners } from "./owner-field.ts";

/** What access control reads of a server's call, and what it may do to it. */
export interface GuardedCall {
  readonly method: DescMethod;
  readonly incoming: {
    /** A request header by its name in lower case. */
    header(name: string): string | undefined;
  };
  /** Set to the client's address where a gateway of the platform forwarded the call. */
  forwardedFor: string | undefined;
  /** Aborts when the call ends for any reason. */
  readonly signal: AbortSignal;
  /** Calls back once after `delayMs`. The answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  abort(reason: ConnectError): void;
}

/** Authenticates and authorizes a call: resolves to its caller, or rejects. Asked once for each call, with its first message. */
export type AuthorizeCall = (call: GuardedCall, message: Message) => Promise<Caller | undefined>;

/** What access control reads of the services that a process serves. */
export interface GuardedServices {
  readonly entries: readonly { readonly service: DescService }[];
  readonly owners?: Owners;
  /** The public keys of the tokens that these services sign, where they do. */
  readonly publishedKeys?: () => Promise<JSONWebKeySet>;
}
