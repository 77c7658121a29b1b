import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code as RpcCode } from "@parley/gen/google/rpc/code_pb.js";
import type { FaultRule } from "@parley/gen/stack/v1/stack_service_pb.js";

/** For example `50 % of ReserveStock: 200 ms more, then UNAVAILABLE, for 42 s`. */
export function faultInWords({ method, percent, latency, code, expireTime }: FaultRule): string {
  const effects = [
    ...(latency === undefined ? [] : [`${durationMs(latency)} ms more`]),
    ...(code === RpcCode.OK ? [] : [RpcCode[code]]),
  ];
  const share = percent === 100 ? "" : `${percent} % of `;
  const leftMs = expireTime === undefined ? 0 : timestampMs(expireTime) - Date.now();
  return `${share}${method === "" ? "all calls" : method}: ${effects.join(", then ")}, for ${Math.max(0, Math.round(leftMs / 1_000))} s`;
}
