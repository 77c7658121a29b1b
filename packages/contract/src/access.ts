import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { access, Caller } from "@parley/gen/rpc/v1/options_pb.js";

/** Whether the contract opens the method to anybody but services (`rpc.v1.access`; methods without it are for services). */
export function isExposed(method: DescMethod): boolean {
  const { caller } = getOption(method, access);
  return caller !== Caller.UNSPECIFIED && caller !== Caller.SERVICE;
}

/** The kind of caller that the contract lets in. */
export function callerOf(method: DescMethod): Caller {
  return getOption(method, access).caller;
}
