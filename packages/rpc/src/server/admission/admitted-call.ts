import type { Caller } from "../../call/call-context.ts";
import type { MethodPace } from "./method-pace.ts";
import type { PlaceHolders } from "./place-budget.ts";

/** The budgets of places: unary calls, streams, and the streams of health and reflection. */
export type PlaceKind = "unary" | "streams" | "diagnostics";

/** What admission reads of a method. */
export interface AdmittedMethod {
  /** Undefined if calls take no place. */
  readonly placeKind: PlaceKind | undefined;
  readonly pace: MethodPace;
}

/** What admission reads of a call, and where it notes the call's place. */
export interface AdmittedCall {
  readonly runtime: AdmittedMethod;
  /** Who holds its place, if it has one. */
  placeHolders: PlaceHolders | undefined;
  /** The authenticated caller, if any. */
  readonly caller: Caller | undefined;
  /** The client's address where a gateway of the platform proved that it forwarded the call. */
  readonly forwardedFor: string | undefined;
  readonly incoming: {
    readonly connection?: object | undefined;
    readonly peer: string;
    /** A request header by its name in lower case. */
    header(name: string): string | undefined;
  };
}
