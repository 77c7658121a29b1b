import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { CallEchoService, type EchoErrorSchema, type EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { platform } from "@parley/gen/services.js";
import { type Environment, within } from "@parley/rpc";
import { implement, type ServiceModule } from "@parley/rpc/server";

export interface CallEchoModuleOptions {
  readonly environment: Environment;
  /** Service A. */
  readonly echo: Client<typeof EchoService>;
}

/** Service B: calls service A, and returns the outcome. An unreachable A is an outcome, not an error. */
export function createCallEchoModule({ environment, echo }: CallEchoModuleOptions): ServiceModule {
  const { clock, log } = environment;
  return {
    ...platform,
    entries: [
      implement(CallEchoService, {
        async callEcho({ message }, context) {
          const beganMs = clock.monotonic();
          const line = () => ({
            latencyMs: Math.round((clock.monotonic() - beganMs) * 1000) / 1000,
          });
          const from = { service: "B", endpoint: "/call-echo" };
          try {
            const answer = await echo.echo({ message }, { ...within(context), ...withMargin(context) });
            log.info({ ...from, status: "ok", ...line() }, "call-echo");
            return { serviceB: "ok", serviceA: { outcome: { case: "echo", value: answer.message } } };
          } catch (reason) {
            const error = ConnectError.from(reason);
            const code = codeToString(error.code);
            log.warn({ ...from, status: "error", code, ...line(), error: error.rawMessage }, "call-echo");
            return { serviceB: "ok", serviceA: { outcome: { case: "error", value: echoError(error) } } };
          }
        },
      }),
    ],
  };
}

/** Subtracted from A's deadline, so that B can still respond that A was too slow; a fifth of a short deadline. */
const answerMarginMs = 100;

function withMargin(context: HandlerContext): { timeoutMs?: number } {
  const leftMs = context.timeoutMs();
  return leftMs === undefined ? {} : { timeoutMs: leftMs - Math.min(answerMarginMs, leftMs / 5) };
}

/** A's address and the connection's error belong in the log only. */
function echoError(error: ConnectError): MessageInitShape<typeof EchoErrorSchema> {
  const message = error.code === Code.Unavailable ? "the echo service cannot be reached" : error.rawMessage;
  return { code: codeToString(error.code), message };
}
