export { createFetchHandler } from "./fetch-handler.ts";
export { headerOf, type RestRequest, type RestResponse } from "./http.ts";
export { createOpenApi, type OpenApiOptions, type OperationExample } from "./openapi/document.ts";
export { type ProblemOptions, type ProblemReason, RestProblem } from "./problem.ts";
export type { BodySource } from "./request/body.ts";
export { jsonFromText, TextValueError } from "./request/text-value.ts";
export {
  type ErrorBody,
  type ErrorResponse,
  type ErrorResponseOptions,
  errorResponse,
  standardDetails,
} from "./response/error-response.ts";
export { httpStatusOf, statusNameOf } from "./response/http-status.ts";
export type { Timer } from "./response/stream.ts";
export { RouteConflictError } from "./route/route-table.ts";
export {
  createTranscoder,
  type RestService,
  restService,
  type Transcoder,
  type TranscoderOptions,
} from "./transcoder.ts";
