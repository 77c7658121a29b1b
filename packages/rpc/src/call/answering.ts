/** A method of a service, or any part of one that rejects. */
type Method<A extends unknown[], R> = (...call: A) => Promise<R>;

/**
 * Wraps the methods of a service so that each error that the domain throws becomes the answer that `errorAnswer` maps it to: an
 * RPC error with a code and a reason, or the error itself, which the server then answers as INTERNAL.
 */
export function answeringWith(
  errorAnswer: (error: unknown) => unknown,
): <A extends unknown[], R>(method: Method<A, R>) => Method<A, R> {
  return (method) =>
    async (...call) => {
      try {
        return await method(...call);
      } catch (error) {
        throw errorAnswer(error);
      }
    };
}
