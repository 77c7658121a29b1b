import { createRegistry } from "@bufbuild/protobuf";
import { violationsToProto } from "@bufbuild/protovalidate";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@parley/gen/google/rpc/error_details_pb.js";

/** The details that errors of the platform carry: a `google.rpc.Status` that is part of an answer holds them, in JSON too. */
export const errorDetailTypes = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
  violationsToProto([])[1],
);
