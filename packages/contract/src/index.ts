export { callerOf, isExposed } from "./access.ts";
export { batchMethodOf } from "./batch-method.ts";
export { commandNameOf, singular } from "./command-names.ts";
export { commentOf } from "./comments.ts";
export { checkJson, JsonNumberError } from "./decode-budget/check-json.ts";
export {
  type DecodeBudget,
  type DecodeLimit,
  DecodeLimitError,
  decodeBudget,
  defaultDecodeBudget,
  scannedBytesMin,
} from "./decode-budget/decode-budget.ts";
export { tooManyItems } from "./decode-budget/limit-messages.ts";
export { messageShape } from "./decode-budget/message-shape.ts";
export { scanBinary } from "./decode-budget/scan-binary.ts";
export { type ScannedJson, scanJson } from "./decode-budget/scan-json.ts";
export { findUnknownWord, holdsEnum, type UnknownWord, unknownWord } from "./enum-words.ts";
export { type FieldPath, findField, isTextField, isTextMessage, protoPath, resolveFieldPath } from "./field-path.ts";
export { constraintsOf, isOneofRequired, isRequired, ruleSentences, rulesOf } from "./field-rules.ts";
export { type Binding, HttpRuleError, methodBindings, type PathField } from "./http-bindings.ts";
export { isJsonObject } from "./json-values.ts";
export {
  type AccessRule,
  type HedgingRule,
  type MethodPolicy,
  methodPolicy,
  PolicyError,
  type RetryRule,
} from "./method-policy.ts";
export { renameErrorFields, spellForJson } from "./mistakes/error-fields.ts";
export { emailExample, exampleOf, messageExample, uuidExample } from "./mistakes/examples.ts";
export { jsonFieldPath, type RenameField, renameFields } from "./mistakes/field-names.ts";
export { fieldSentence, quoteShortly } from "./mistakes/field-sentence.ts";
export { elementForm, findJsonMistake, formOf, type JsonMistake } from "./mistakes/json-mistake.ts";
export { jsonSyntaxWords } from "./mistakes/json-syntax.ts";
export { unknownFields } from "./mistakes/unknown-fields.ts";
export { nearestName } from "./nearest-name.ts";
export {
  type PathTemplate,
  PathTemplateError,
  parsePathTemplate,
  pathSegmentsMax,
  type TemplateSegment,
  type TemplateVariable,
} from "./path-template.ts";
