/** All reasons that the order service gives (`google.rpc.ErrorInfo.reason`). Callers decide by them. */
export const orderReasons = {
  /** NOT_FOUND: there is no such order. Metadata: `orderId`. */
  orderNotFound: "ORDER_NOT_FOUND",
  /** NOT_FOUND: there is no such user. Metadata: `userId`. */
  userNotFound: "USER_NOT_FOUND",
  /** FAILED_PRECONDITION: the user may not buy. Metadata: `userId`. */
  userNotAllowed: "USER_NOT_ALLOWED",
  /** NOT_FOUND: there is no such product. Metadata: `productId`. */
  productNotFound: "PRODUCT_NOT_FOUND",
  /** FAILED_PRECONDITION: too little is in stock. Metadata: `orderId`, `productId`, `requested`, `available`. */
  insufficientStock: "INSUFFICIENT_STOCK",
  /** FAILED_PRECONDITION: the products are priced in different currencies. Metadata: `orderId`, `currencies`. */
  mixedCurrencies: "MIXED_CURRENCIES",
  /** FAILED_PRECONDITION: the order costs more than an order can. Metadata: `orderId`. */
  amountOutOfRange: "AMOUNT_OUT_OF_RANGE",
  /** INVALID_ARGUMENT: the buyer used the request id before, for something else. Metadata: `requestId`. */
  requestIdReused: "REQUEST_ID_REUSED",
  /** FAILED_PRECONDITION: only a confirmed order can be cancelled. Metadata: `orderId`, `state`. */
  orderNotCancellable: "ORDER_NOT_CANCELLABLE",
  /** ABORTED: the order changed since the caller saw it. Metadata: `orderId`. */
  etagMismatch: "ETAG_MISMATCH",
  /** INVALID_ARGUMENT: the page token is not one that ListOrders gave. */
  invalidPageToken: "INVALID_PAGE_TOKEN",
  /** INVALID_ARGUMENT: the position is not one that WatchOrders gave. */
  invalidPosition: "INVALID_POSITION",
  /** OUT_OF_RANGE: changes after the position are gone. */
  positionGone: "POSITION_GONE",
  /** UNAVAILABLE: a service that the order needs cannot do its part now. Metadata: `service`, and `orderId` if there is one. */
  dependencyUnavailable: "DEPENDENCY_UNAVAILABLE",
  /** DEADLINE_EXCEEDED: a service that the order needs did not answer in time. Metadata as above. */
  dependencyTimedOut: "DEPENDENCY_TIMED_OUT",
  /** INTERNAL: a service that the order needs answered what it must not. Metadata as above. */
  dependencyFailed: "DEPENDENCY_FAILED",
  /** ABORTED: others kept changing the same order. Try again. Metadata: `orderId`. */
  contended: "CONTENDED",
  /** RESOURCE_EXHAUSTED: too many orders are under way. */
  tooManyOrders: "TOO_MANY_ORDERS_UNDER_WAY",
  /** UNAVAILABLE: the service's own database cannot do its work now. */
  storeUnavailable: "STORE_UNAVAILABLE",
} as const;

/** Why an order cannot be met. */
export interface Refusal {
  /** One of {@link orderReasons}. */
  readonly reason: string;
  /** In words for people. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The base of what the order rules throw. */
export class OrderError extends Error {
  override readonly name: string = "OrderError";
}

/** A move that the state machine does not have: a bug. */
export class IllegalTransitionError extends OrderError {
  override readonly name = "IllegalTransitionError";
  constructor(orderId: string, from: string, to: string) {
    super(`Order ${orderId} cannot go from ${from} to ${to}.`);
  }
}

/** What was reserved is not what was ordered: a bug of the product service. */
export class ReservationMismatchError extends OrderError {
  override readonly name = "ReservationMismatchError";
  constructor(orderId: string, productId: string) {
    super(`The reservation for order ${orderId} does not match its line of product ${productId}.`);
  }
}

export class MixedCurrenciesError extends OrderError {
  override readonly name = "MixedCurrenciesError";
  readonly currencies: readonly string[];

  constructor(currencies: readonly string[]) {
    super(
      `The products are priced in different currencies: ${currencies.join(", ")}. Order those of each currency separately.`,
    );
    this.currencies = currencies;
  }
}

export class AmountOutOfRangeError extends OrderError {
  override readonly name = "AmountOutOfRangeError";
  constructor() {
    super("The total of the order is larger than an amount can be (1000000000000000 units).");
  }
}

export class OrderNotFoundError extends OrderError {
  override readonly name = "OrderNotFoundError";
  readonly orderId: string;

  constructor(orderId: string) {
    super(`There is no order ${orderId}.`);
    this.orderId = orderId;
  }
}

export class UserNotFoundError extends OrderError {
  override readonly name = "UserNotFoundError";
  readonly userId: string;

  constructor(userId: string, options?: ErrorOptions) {
    super(`There is no user ${userId}.`, options);
    this.userId = userId;
  }
}

export class UserNotAllowedError extends OrderError {
  override readonly name = "UserNotAllowedError";
  readonly userId: string;

  constructor(userId: string) {
    super(`User ${userId} may not buy.`);
    this.userId = userId;
  }
}

export class ProductNotFoundError extends OrderError {
  override readonly name = "ProductNotFoundError";
  readonly metadata: Readonly<Record<string, string>>;

  constructor(message: string, metadata: Readonly<Record<string, string>>, options?: ErrorOptions) {
    super(message, options);
    this.metadata = metadata;
  }
}

/** The order was refused, and is stored as refused. */
export class OrderRefusedError extends OrderError {
  override readonly name = "OrderRefusedError";
  readonly orderId: string;
  readonly refusal: Refusal;

  constructor(orderId: string, refusal: Refusal) {
    super(refusal.message);
    this.orderId = orderId;
    this.refusal = refusal;
  }
}

export class RequestIdReusedError extends OrderError {
  override readonly name = "RequestIdReusedError";
  readonly requestId: string;

  constructor(requestId: string) {
    super(`\`request_id\` ${requestId} was used before, for another order. Use a new one for each order.`);
    this.requestId = requestId;
  }
}

export class OrderNotCancellableError extends OrderError {
  override readonly name = "OrderNotCancellableError";
  readonly orderId: string;
  readonly state: string;

  constructor(orderId: string, state: string) {
    super(`Order ${orderId} is ${state.toLowerCase()}; only a confirmed order can be cancelled.`);
    this.orderId = orderId;
    this.state = state;
  }
}

export class EtagMismatchError extends OrderError {
  override readonly name = "EtagMismatchError";
  readonly orderId: string;

  constructor(orderId: string) {
    super(`Order ${orderId} was changed since it was read. Read it again, and repeat the call with its \`etag\`.`);
    this.orderId = orderId;
  }
}

/** How a service that the order needs failed it. */
export type DependencyProblem = "unavailable" | "timed-out" | "failed";

/** The services that orders need: their contracts by the names that people know them by. */
const contracts = {
  "product service": "product.v1.InventoryService",
  "user service": "user.v1.UserService",
} as const;

/** A service that orders need, as people call it. */
export type Dependency = keyof typeof contracts;

/** A service that the order needs did not do its part. */
export class DependencyError extends OrderError {
  override readonly name = "DependencyError";
  readonly dependency: Dependency;
  /** The service's contract, for example `product.v1.InventoryService`. */
  readonly service: string;
  readonly problem: DependencyProblem;
  /** Whether it is sure that the call never reached the service. */
  readonly neverSent: boolean;
  readonly orderId: string | undefined;

  constructor(
    dependency: Dependency,
    problem: DependencyProblem,
    options: { readonly neverSent?: boolean; readonly orderId?: string; readonly cause?: unknown } = {},
  ) {
    super(`The ${dependency} ${problems[problem]}.`, { cause: options.cause });
    this.dependency = dependency;
    this.service = contracts[dependency];
    this.problem = problem;
    this.neverSent = options.neverSent ?? false;
    this.orderId = options.orderId;
  }
}

const problems: Readonly<Record<DependencyProblem, string>> = {
  unavailable: "is unavailable",
  "timed-out": "did not answer in time",
  failed: "failed",
};

/** Others kept changing the same order. */
export class ContendedError extends OrderError {
  override readonly name = "ContendedError";
  readonly orderId: string;

  constructor(orderId: string) {
    super(`Order ${orderId} is being changed by other calls. Try again.`);
    this.orderId = orderId;
  }
}

export class TooManyOrdersError extends OrderError {
  override readonly name = "TooManyOrdersError";
  constructor(limit: number) {
    super(`More than ${limit} orders are in progress. Try again.`);
  }
}
