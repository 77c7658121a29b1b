/** The gRPC interop test cases (gRPC interop test descriptions), which every client runs. */
export const interopCases = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "custom_metadata",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
  "rpc_soak",
  "channel_soak",
] as const;

/** Additional cases of this repository. grpc-go's client does not have them. */
export const furtherCases = ["all_status_codes", "gzip", "concurrent_streams"] as const;

export type CaseName = (typeof interopCases)[number] | (typeof furtherCases)[number];

/** The result of each case: undefined if it passed, otherwise the error. */
export type CaseResults = ReadonlyMap<CaseName, string | undefined>;

/** The message of "special_status_message". */
export const specialStatusMessage = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

/** The message sizes of the cases, in bytes. */
export const sizes = {
  largeRequest: 271_828,
  largeResponse: 314_159,
  requests: [27_182, 8, 1_828, 45_904],
  responses: [31_415, 9, 2_653, 58_979],
} as const;
