import { create, toBinary } from "@bufbuild/protobuf";
import {
  InstrumentationScopeSchema,
  type KeyValue,
  KeyValueSchema,
} from "@parley/gen/opentelemetry/proto/common/v1/common_pb.js";
import { type Resource, ResourceSchema } from "@parley/gen/opentelemetry/proto/resource/v1/resource_pb.js";

/** The OTLP resource of the process, the same for all three signals. */
export function resourceMessage(attributes: Readonly<Record<string, string>>): Resource {
  return create(ResourceSchema, {
    attributes: Object.entries(attributes).map(([key, value]) => keyValue(key, value)),
  });
}

/** The instrumentation scope: the runtime. */
export const scopeMessage = create(InstrumentationScopeSchema, { name: "@parley/rpc", version: "0.1" });

/** Resource and scope as bytes, for requests encoded by hand. */
export function encodedResource(attributes: Readonly<Record<string, string>>) {
  return {
    resource: toBinary(ResourceSchema, resourceMessage(attributes)),
    scope: toBinary(InstrumentationScopeSchema, scopeMessage),
  };
}

/** An attribute with a string, a number or a boolean value. */
export function keyValue(key: string, value: string | number | boolean): KeyValue {
  switch (typeof value) {
    case "string":
      return create(KeyValueSchema, { key, value: { value: { case: "stringValue", value } } });
    case "boolean":
      return create(KeyValueSchema, { key, value: { value: { case: "boolValue", value } } });
    default:
      return create(KeyValueSchema, {
        key,
        value: {
          value: Number.isSafeInteger(value)
            ? { case: "intValue", value: BigInt(value) }
            : { case: "doubleValue", value },
        },
      });
  }
}
