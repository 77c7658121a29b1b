import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { access, Caller } from "@parley/gen/rpc/v1/options_pb.js";

/** Whether callers other than services may call the method (`rpc.v1.access`; methods without the option are for services). */
export function isExposed(method: DescMethod): boolean {
  const { caller } = getOption(method, access);
  return caller !== Caller.UNSPECIFIED && caller !== Caller.SERVICE;
}

/** The kind of caller that the contract allows. */
export function callerOf(method: DescMethod): Caller {
  return getOption(method, access).caller;
}
