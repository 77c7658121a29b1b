import type { Caller } from "../../call/call-context.ts";
import type { MethodPace } from "./method-pace.ts";
import type { PlaceHolders } from "./place-budget.ts";

/** The budget that a call takes its place from. `diagnostics`: the streams of health and reflection. */
export type PlaceKind = "unary" | "streams" | "diagnostics";

/** The properties of a method that admission uses. */
export interface AdmittedMethod {
  /** Undefined if calls of the method take no place. */
  readonly placeKind: PlaceKind | undefined;
  readonly pace: MethodPace;
}

/** The properties of a call that admission uses. */
export interface AdmittedCall {
  readonly runtime: AdmittedMethod;
  /** The connection and the caller that its place is counted for. Undefined if it has no place. */
  placeHolders: PlaceHolders | undefined;
  /** The authenticated caller, if any. */
  readonly caller: Caller | undefined;
  /** The client's address, if an authenticated gateway of the platform forwarded the call. */
  readonly forwardedFor: string | undefined;
  readonly incoming: {
    readonly connection?: object | undefined;
    readonly peer: string;
    /** Returns a request header. The name is in lower case. */
    header(name: string): string | undefined;
  };
}
