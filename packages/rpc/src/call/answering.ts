/** A method of a service, or any other function that rejects. */
type Method<A extends unknown[], R> = (...call: A) => Promise<R>;

/**
 * Wraps the methods of a service so that `errorAnswer` maps each error of the domain: to an
 * RPC error with a code and a reason, or to the error itself, which the server then returns as INTERNAL.
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
