import { type DescField, type DescMethod, type DescMethodUnary, getOption, hasOption } from "@bufbuild/protobuf";
import { StatusSchema } from "@parley/gen/google/rpc/status_pb.js";
import { CallOriginSchema } from "@parley/gen/rpc/v1/batch_pb.js";
import { batch_method, Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { methodPolicy } from "./method-policy.ts";

/**
 * The method that takes many requests of this one, as the contract's `batch_method` option names it. Undefined if there is none.
 * Throws a `TypeError` if the contract breaks the option's rules.
 */
export function batchMethodOf(method: DescMethod): DescMethodUnary | undefined {
  if (!hasOption(method, batch_method)) {
    return undefined;
  }
  const name = getOption(method, batch_method);
  const batch = method.parent.methods.find((other) => other.name === name);
  const problem = batch === undefined ? "the service has no such method" : problemOf(method, batch);
  if (problem !== undefined) {
    throw new TypeError(`${method.parent.typeName}/${method.name}: batch_method is ${name}, but ${problem}`);
  }
  return batch as DescMethodUnary;
}

function problemOf(method: DescMethod, batch: DescMethod): string | undefined {
  if (method.methodKind !== "unary" || batch.methodKind !== "unary") {
    return "both must be unary";
  }
  const [policy, batchPolicy] = [methodPolicy(method), methodPolicy(batch)];
  if (policy.repeatable !== "always" || batchPolicy.repeatable !== "always") {
    return "both must be repeatable (idempotency_level)";
  }
  // A batch is sent with the sender's own identity, so it must not give access to callers that have none.
  if (policy.access.caller !== Caller.SERVICE || batchPolicy.access.caller !== Caller.SERVICE) {
    return "both must be restricted to services (access)";
  }
  if (policy.access.services.join() !== batchPolicy.access.services.join()) {
    return "both must be restricted to the same services (access)";
  }
  const { requests, origins } = batch.input.field;
  const { results } = batch.output.field;
  if (!isList(requests, method.input.typeName) || !isList(origins, CallOriginSchema.typeName)) {
    return `${batch.input.typeName} must have the repeated fields requests and origins`;
  }
  const result = results?.fieldKind === "list" && results.listKind === "message" ? results.message.field : undefined;
  if (!isOneOf(result?.response, method.output.typeName) || !isOneOf(result?.error, StatusSchema.typeName)) {
    return `${batch.output.typeName} must have the repeated field results, each a response or an error`;
  }
  return undefined;
}

function isList(field: DescField | undefined, typeName: string): boolean {
  return field?.fieldKind === "list" && field.listKind === "message" && field.message.typeName === typeName;
}

function isOneOf(field: DescField | undefined, typeName: string): boolean {
  return field?.fieldKind === "message" && field.message.typeName === typeName && field.oneof?.localName === "result";
}
