import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/**
 * The stock transports' streams, with the right code for an answer that is not what the protocol says: the server is to blame
 * for it, so INTERNAL. Stock Connect says INVALID_ARGUMENT, which blames the caller.
 */
export function blameServer(stream: Transport["stream"]): Transport["stream"] {
  return async (...call) => {
    try {
      const response = await stream(...call);
      return { ...response, message: blamed(response.message) };
    } catch (error) {
      throw blamedError(error);
    }
  };
}

async function* blamed<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw blamedError(error);
  }
}

function blamedError(error: unknown): unknown {
  const broken =
    error instanceof ConnectError &&
    !error.isWireError &&
    error.code === Code.InvalidArgument &&
    error.rawMessage.startsWith("protocol error: ");
  return broken ? new ConnectError(error.rawMessage, Code.Internal, error.metadata, undefined, error) : error;
}
