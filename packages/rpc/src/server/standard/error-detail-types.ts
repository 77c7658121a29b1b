import { createRegistry } from "@bufbuild/protobuf";
import { violationsToProto } from "@bufbuild/protovalidate";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@parley/gen/google/rpc/error_details_pb.js";

/** The types of error details. A response may contain errors (`google.rpc.Status`) with details, also in JSON. */
export const errorDetailTypes = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  RequestInfoSchema,
  RetryInfoSchema,
  violationsToProto([])[1],
);
