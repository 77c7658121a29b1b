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
import type { Registry as MetricsRegistry } from "prom-client";
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
import { ChangedDependencies } from "./changed-dependencies.ts";

/** Options of {@link telemetryService}. */
export interface TelemetryServiceOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** The process's name, and the registry that its dependencies are found by. */
  readonly process: string;
  readonly metrics: MetricsRegistry;
  /** The name of this replica. */
  readonly replica: string;
  /** The types that `google.protobuf.Any` may contain. */
  readonly registry: Registry;
}

/** An implementation of `rpc.v1.TelemetryService`, for one process or for all. */
export type TelemetryImplementation = ServiceImpl<typeof TelemetryService>;

/** The most spans of one trace in a response. */
const traceSpansMax = 1_000;
const pageSizeDefault = 20;

/** `rpc.v1.TelemetryService` for the calls of this process. */
export function telemetryService(options: TelemetryServiceOptions): TelemetryImplementation {
  const { recorder, clock } = options;
  const messages = { plain: new WeakMap<RecordedSpan, Call>(), full: new WeakMap<RecordedSpan, Call>() };
  const bytes = { plain: new WeakMap<RecordedSpan, UnknownField>(), full: new WeakMap<RecordedSpan, UnknownField>() };

  /** Cached for all requests, since creating a message costs more than recording its span. */
  function message(span: RecordedSpan, payloads: boolean): Call {
    const made = payloads ? messages.full : messages.plain;
    let call = made.get(span);
    if (call === undefined) {
      call = callMessage(span, { ...options, payloads });
      made.set(span, call);
    }
    return call;
  }

  /** A call as an encoded field of {@link WatchCallsResponseSchema}. Cached for all watchers, since encoding costs as much as handling a call. */
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
      const dependencies = new ChangedDependencies(options);
      yield create(WatchCallsResponseSchema, { silentChanged: true, ...dependencies.take() });
      const isBinary = readsBinary(requestHeader);
      const watched = { clock, matches: spanFilter(filter), isDue: () => dependencies.isChanged, signal };
      for await (const { spans, lost } of watchCalls(recorder, watched)) {
        const response = create(WatchCallsResponseSchema, { lostCalls: BigInt(lost), ...dependencies.take() });
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

/** Whether the response is sent in the binary format. Encoded fields would be missing in JSON, and in calls inside the process. */
function readsBinary(requestHeader: Headers | undefined): boolean {
  const type = requestHeader?.get("content-type") ?? "";
  return /^application\/(?:grpc|connect\+proto)/.test(type) && !type.includes("json");
}

/** The entry with which a server serves the implementation. */
export function telemetryEntry(implementation: TelemetryImplementation): ServiceEntry {
  return implement(TelemetryService, implementation);
}

function checkPayloads(wanted: boolean, { keepsPayloads }: Recorder): void {
  if (wanted && !keepsPayloads) {
    throw reasonError(Code.PermissionDenied, {
      reason: "PAYLOADS_OFF",
      message: "this process records no payloads; start it with TELEMETRY_PAYLOADS=true to record them",
    });
  }
}
