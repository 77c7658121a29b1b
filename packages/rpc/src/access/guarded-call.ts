import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { JSONWebKeySet } from "jose";
import type { Caller } from "../call/call-context.ts";
import type { Owners } from "./owner-field.ts";

/** The parts of a server's call that access control reads and changes. */
export interface GuardedCall {
  readonly method: DescMethod;
  readonly incoming: {
    /** A request header by its name in lower case. */
    header(name: string): string | undefined;
    /** The connection that it came by. Undefined for calls inside the process. */
    readonly connection?: object | undefined;
  };
  /** Set to the client's address if a gateway of the platform forwarded the call. */
  forwardedFor: string | undefined;
  /** Aborts when the call ends for any reason. */
  readonly signal: AbortSignal;
  /** Calls back once after `delayMs`. The result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  abort(reason: ConnectError): void;
}

/**
 * Access control of a server's calls. The pipeline calls in this order: {@link identify}, the rate limit, {@link permit}, all before a byte of
 * the body is decoded; {@link checkOwner} once the request is decoded and valid.
 */
export interface AccessControl {
  /** Authenticates the caller from the call's headers. Undefined if there is no token. Rejects if the token is refused. */
  identify(call: GuardedCall): Promise<Caller | undefined>;
  /** Throws UNAUTHENTICATED or PERMISSION_DENIED if the caller's role may not call the method. */
  permit(call: GuardedCall, caller: Caller | undefined): void;
  /** {@link identify} and {@link permit} from the headers alone, for a call that is not open yet. Rejects if the call would be refused. */
  admit(call: Pick<GuardedCall, "method" | "incoming">): Promise<void>;
  /** Rejects with PERMISSION_DENIED if the request concerns another user's resource. Undefined if there is nothing to check. */
  checkOwner(call: GuardedCall, caller: Caller | undefined, message: Message): Promise<void> | undefined;
}

/** The services' properties that access control uses. */
export interface GuardedServices {
  readonly entries: readonly { readonly service: DescService }[];
  readonly owners?: Owners;
  /** Whether callers without a token may call what the contract opens to guests. Default: false. */
  readonly guests?: boolean;
  /** The public keys of the tokens that these services sign, if any. */
  readonly publishedKeys?: () => Promise<JSONWebKeySet>;
}
