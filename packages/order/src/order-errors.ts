/** All error reasons of the order service (`google.rpc.ErrorInfo.reason`). Callers decide by them. */
export const orderReasons = {
  /** NOT_FOUND: no order has the id. Metadata: `orderId`. */
  orderNotFound: "ORDER_NOT_FOUND",
  /** NOT_FOUND: no user has the id. Metadata: `userId`. */
  userNotFound: "USER_NOT_FOUND",
  /** FAILED_PRECONDITION: the user may not buy. Metadata: `userId`. */
  userNotAllowed: "USER_NOT_ALLOWED",
  /** NOT_FOUND: no product has the id. Metadata: `productId`. */
  productNotFound: "PRODUCT_NOT_FOUND",
  /** FAILED_PRECONDITION: the stock is too small. Metadata: `orderId`, `productId`, `requested`, `available`. */
  insufficientStock: "INSUFFICIENT_STOCK",
  /** FAILED_PRECONDITION: the products are priced in different currencies. Metadata: `orderId`, `currencies`. */
  mixedCurrencies: "MIXED_CURRENCIES",
  /** FAILED_PRECONDITION: the order exceeds the largest amount. Metadata: `orderId`. */
  amountOutOfRange: "AMOUNT_OUT_OF_RANGE",
  /** INVALID_ARGUMENT: the buyer used the request id for another request. Metadata: `requestId`. */
  requestIdReused: "REQUEST_ID_REUSED",
  /** FAILED_PRECONDITION: only a confirmed order can be cancelled. Metadata: `orderId`, `state`. */
  orderNotCancellable: "ORDER_NOT_CANCELLABLE",
  /** ABORTED: the order was changed since the caller read it. Metadata: `orderId`. */
  etagMismatch: "ETAG_MISMATCH",
  /** INVALID_ARGUMENT: a field is missing, or conflicts with another field. */
  invalidRequest: "INVALID_REQUEST",
  /** INVALID_ARGUMENT: the page token was not issued by ListOrders. */
  invalidPageToken: "INVALID_PAGE_TOKEN",
  /** INVALID_ARGUMENT: the position was not issued by WatchOrders. */
  invalidPosition: "INVALID_POSITION",
  /** OUT_OF_RANGE: changes after the position are no longer kept. */
  positionGone: "POSITION_GONE",
  /** UNAVAILABLE: a dependency is unavailable. Metadata: `service`, and `orderId` if there is one. */
  dependencyUnavailable: "DEPENDENCY_UNAVAILABLE",
  /** DEADLINE_EXCEEDED: a dependency did not answer in time. Metadata as above. */
  dependencyTimedOut: "DEPENDENCY_TIMED_OUT",
  /** INTERNAL: a dependency returned an unexpected answer. Metadata as above. */
  dependencyFailed: "DEPENDENCY_FAILED",
  /** ABORTED: too many concurrent changes of the order. Retry. Metadata: `orderId`. */
  contended: "CONTENDED",
  /** RESOURCE_EXHAUSTED: too many orders in progress. */
  tooManyOrders: "TOO_MANY_ORDERS_UNDER_WAY",
  /** UNAVAILABLE: the service's own database is unavailable. */
  storeUnavailable: "STORE_UNAVAILABLE",
} as const;

/** The refusal of an order. */
export interface Refusal {
  /** One of {@link orderReasons}. */
  readonly reason: string;
  /** A sentence for the caller and the logs. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The base class of the domain's errors. */
export class OrderError extends Error {
  override readonly name: string = "OrderError";
}

/** A transition that the state machine does not allow: a bug. */
export class IllegalTransitionError extends OrderError {
  override readonly name = "IllegalTransitionError";
  constructor(orderId: string, from: string, to: string) {
    super(`Order ${orderId} cannot go from ${from} to ${to}.`);
  }
}

/** The reservation differs from the order: a bug of the product service. */
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

/** A request with conflicting or missing fields. */
export class InvalidFieldError extends OrderError {
  override readonly name = "InvalidFieldError";
  /** By its name in the contract. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
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

/** The kinds of dependency failures. */
export type DependencyProblem = "unavailable" | "timed-out" | "failed";

/** The services that orders need: display names of their contracts. */
const contracts = {
  "product service": "product.v1.InventoryService",
  "user service": "user.v1.UserService",
} as const;

/** The display name of a service that orders need. */
export type Dependency = keyof typeof contracts;

/** A dependency failed. */
export class DependencyError extends OrderError {
  override readonly name = "DependencyError";
  readonly dependency: Dependency;
  /** The service's contract, for example `product.v1.InventoryService`. */
  readonly service: string;
  readonly problem: DependencyProblem;
  /** Whether it is certain that the call was never sent. */
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

/** Too many concurrent changes of the same order. */
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
