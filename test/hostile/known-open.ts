/** Rows of the short form that fail on some machines, each with the reason. A repair removes its line. */
export const knownOpen: Readonly<Record<string, string>> = {
  "connections/churn service off":
    "connections that come and go fill the queue of those not accepted yet, and a new one waits for its second SYN",
};
