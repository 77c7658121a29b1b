export { callerOf, isExposed } from "./access.ts";
export { batchMethodOf } from "./batch-method.ts";
export { commentOf } from "./comments.ts";
export { findUnknownWord, holdsEnum, type UnknownWord, unknownWord } from "./enum-words.ts";
export { type FieldPath, findField, isTextField, isTextMessage, protoPath, resolveFieldPath } from "./field-path.ts";
export { constraintsOf, isOneofRequired, isRequired, ruleSentences, rulesOf } from "./field-rules.ts";
export { type Binding, HttpRuleError, methodBindings, type PathField } from "./http-bindings.ts";
export {
  type AccessRule,
  type HedgingRule,
  type MethodPolicy,
  methodPolicy,
  type RetryRule,
} from "./method-policy.ts";
export { nearestName } from "./nearest-name.ts";
export {
  type PathTemplate,
  PathTemplateError,
  parsePathTemplate,
  pathSegmentsMax,
  type TemplateSegment,
  type TemplateVariable,
} from "./path-template.ts";
