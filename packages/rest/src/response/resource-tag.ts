import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { type Binding, findField } from "@parley/contract";
import { quotedTag } from "../entity-tag.ts";

/** The fields with a resource's state, the more precise one first. */
const stateFieldNames = ["revision", "etag"];

/**
 * The strong entity tag of a response with a single resource: its `revision`, or else its `etag`. A caller can send it in `If-Match`, and the
 * service compares it. Undefined if the response contains anything else.
 */
export function resourceTag(binding: Binding, output: Message): string | undefined {
  const { holder, state } = stateLocation(binding) ?? {};
  if (state === undefined) {
    return undefined;
  }
  const resource = holder === undefined ? output : (output as unknown as Fields)[holder.localName];
  const value = (resource as Fields | undefined)?.[state.localName];
  return typeof value === "string" ? quotedTag(value) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

interface PlaceOfState {
  /** The field of the response with the resource. Undefined if the response is the resource. */
  readonly holder?: DescField;
  readonly state: DescField;
}

/** The location of the state in a binding's responses. Undefined if they are not a single resource. */
export function stateLocation({ method, responseBody }: Binding): PlaceOfState | undefined {
  const [only, ...more] = method.output.fields;
  const holder = responseBody ?? (more.length === 0 && only?.fieldKind === "message" ? only : undefined);
  if (holder === undefined) {
    const state = stateOf(method.output);
    return state === undefined ? undefined : { state };
  }
  const state = holder.fieldKind === "message" ? stateOf(holder.message) : undefined;
  return state === undefined ? undefined : { holder, state };
}

/** Whether a resource has an entity tag. */
export function hasState(message: DescMessage): boolean {
  return stateOf(message) !== undefined;
}

function stateOf(message: DescMessage): DescField | undefined {
  return stateFieldNames.map((name) => findField(message, name)).find((field) => field?.fieldKind === "scalar");
}
