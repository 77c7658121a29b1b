import { create, type Registry, toBinary, type UnknownField } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  type Call,
  CallSchema,
  GetTraceResponseSchema,
  ListTracesResponseSchema,
  TelemetryService,
  TraceOrder,
  WatchCallsResponseSchema,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { reasonError } from "../../call/reason-error.ts";
import type { Clock } from "../../environment/clock.ts";
import { spanFilter } from "../../telemetry/recorder/call-filter.ts";
import { callMessage } from "../../telemetry/recorder/call-message.ts";
import { watchCalls } from "../../telemetry/recorder/call-watch.ts";
import type { RecordedSpan } from "../../telemetry/recorder/recorded-span.ts";
import type { Recorder } from "../../telemetry/recorder/recorder.ts";
import { listTraces } from "../../telemetry/recorder/trace-list.ts";
import type { ServiceEntry } from "../pipeline/service-module.ts";
import { implement } from "../pipeline/service-module.ts";

/** What {@link telemetryService} reads. */
export interface TelemetryServiceOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** The process among its replicas. */
  readonly replica: string;
  /** The types that `google.protobuf.Any` may hold. */
  readonly registry: Registry;
}

/** `rpc.v1.TelemetryService` of one process, or of all of them. */
export type TelemetryImplementation = ServiceImpl<typeof TelemetryService>;

/** The most spans of one trace in an answer. */
const traceSpansMax = 1_000;
const pageSizeDefault = 20;

/** Returns for the calls of this process. */
export function telemetryService(options: TelemetryServiceOptions): TelemetryImplementation {
  const { recorder, clock } = options;
  const messages = { plain: new WeakMap<RecordedSpan, Call>(), full: new WeakMap<RecordedSpan, Call>() };
  const bytes = { plain: new WeakMap<RecordedSpan, UnknownField>(), full: new WeakMap<RecordedSpan, UnknownField>() };

  /** Made once for all who ask, since making it costs more than recording it. */
  function message(span: RecordedSpan, payloads: boolean): Call {
    const made = payloads ? messages.full : messages.plain;
    let call = made.get(span);
    if (call === undefined) {
      call = callMessage(span, { ...options, payloads });
      made.set(span, call);
    }
    return call;
  }

  /** A call as a field of {@link WatchCallsResponseSchema}, encoded once for all who watch: writing it costs as much as answering one. */
  function encoded(span: RecordedSpan, payloads: boolean): UnknownField {
    const made = payloads ? bytes.full : bytes.plain;
    let field = made.get(span);
    if (field === undefined) {
      const data = new BinaryWriter().bytes(toBinary(CallSchema, message(span, payloads))).finish();
      field = { no: callsField, wireType: WireType.LengthDelimited, data };
      made.set(span, field);
    }
    return field;
  }

  return {
    async *watchCalls({ filter, payloads }, { signal, requestHeader }) {
      checkPayloads(payloads, recorder);
      yield create(WatchCallsResponseSchema, { silentChanged: true });
      const isBinary = readsBinary(requestHeader);
      for await (const { spans, lost } of watchCalls(recorder, { clock, matches: spanFilter(filter), signal })) {
        const response = create(WatchCallsResponseSchema, { lostCalls: BigInt(lost) });
        if (isBinary) {
          response.$unknown = spans.map((span) => encoded(span, payloads));
        } else {
          response.calls = spans.map((span) => message(span, payloads));
        }
        yield response;
      }
    },
    getTrace({ traceId, payloads }) {
      checkPayloads(payloads, recorder);
      const spans = recorder.journal
        .ofTrace(traceId.toLowerCase())
        .toSorted((one, other) => one.startMs - other.startMs);
      return create(GetTraceResponseSchema, {
        calls: spans.slice(0, traceSpansMax).map((span) => message(span, payloads)),
        truncated: spans.length > traceSpansMax,
      });
    },
    listTraces({ order, pageSize, filter, traceIds }) {
      return create(ListTracesResponseSchema, {
        traces: [
          ...listTraces(recorder, {
            order: order === TraceOrder.UNSPECIFIED ? TraceOrder.NEWEST : order,
            pageSize: pageSize === 0 ? pageSizeDefault : pageSize,
            matches: spanFilter(filter),
            traceIds,
            message: (span) => message(span, false),
          }),
        ],
      });
    },
  };
}

const callsField = WatchCallsResponseSchema.field.calls.number;

/** Whether an answer goes over a wire in the binary format: fields that are encoded already are left out of JSON, and of calls in the process. */
function readsBinary(requestHeader: Headers | undefined): boolean {
  const type = requestHeader?.get("content-type") ?? "";
  return /^application\/(?:grpc|connect\+proto)/.test(type) && !type.includes("json");
}

/** The service as a server offers it. */
export function telemetryEntry(implementation: TelemetryImplementation): ServiceEntry {
  return implement(TelemetryService, implementation);
}

function checkPayloads(wanted: boolean, { keepsPayloads }: Recorder): void {
  if (wanted && !keepsPayloads) {
    throw reasonError(Code.PermissionDenied, {
      reason: "PAYLOADS_OFF",
      message: "this process keeps no payloads: start it with TELEMETRY_PAYLOADS=true to see them",
    });
  }
}
