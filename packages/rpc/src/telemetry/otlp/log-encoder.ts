import { create, toBinary } from "@bufbuild/protobuf";
import { ExportLogsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js";
import { type LogRecord, LogRecordSchema, SeverityNumber } from "@parley/gen/opentelemetry/proto/logs/v1/logs_pb.js";
import { keyValue, resourceMessage, scopeMessage } from "./resource.ts";
import { conventionsUrl } from "./span-encoder.ts";

const severities: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Encodes the log's JSON lines as `ExportLogsServiceRequest`s. A line that is not a JSON object becomes the body of a record. */
export function createLogEncoder(
  attributes: Readonly<Record<string, string>>,
): (lines: readonly string[]) => Uint8Array {
  const resource = resourceMessage(attributes);
  return (lines) =>
    toBinary(
      ExportLogsServiceRequestSchema,
      create(ExportLogsServiceRequestSchema, {
        resourceLogs: [
          {
            resource,
            scopeLogs: [{ scope: scopeMessage, logRecords: lines.map(logRecord) }],
            schemaUrl: conventionsUrl,
          },
        ],
      }),
    );
}

/** Fields that map to fields of a log record, not to attributes. */
const ownFields: ReadonlySet<string> = new Set(["level", "time", "msg", "traceId", "name"]);

function logRecord(line: string): LogRecord {
  const entry = parsed(line);
  const { level, time, msg, traceId } = entry;
  const timeUnixNano = BigInt(typeof time === "number" ? Math.round(time) : Date.now()) * 1_000_000n;
  return create(LogRecordSchema, {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    severityNumber: severities[String(level)] ?? SeverityNumber.UNSPECIFIED,
    severityText: typeof level === "string" ? level.toUpperCase() : "",
    body: { value: { case: "stringValue", value: typeof msg === "string" ? msg : line.trimEnd() } },
    attributes: Object.entries(entry)
      .filter(([name]) => !ownFields.has(name))
      .map(([name, value]) => keyValue(name, isPlain(value) ? value : JSON.stringify(value))),
    ...(typeof traceId === "string" && /^[0-9a-f]{32}$/.test(traceId) ? { traceId: Buffer.from(traceId, "hex") } : {}),
  });
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
