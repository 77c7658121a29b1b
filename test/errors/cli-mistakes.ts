/** A wrong command, and its error output. */
export interface CliMistake {
  readonly command: string;
  readonly exitCode: number;
  /** The first line, without "error: ". `{order}` stands for the URL of the order service; other services likewise. */
  readonly message: string;
}

const money = "an amount with a currency, such as 999.99USD, with at most nine decimals";

export const cliMistakes: readonly CliMistake[] = [
  {
    command: "order create",
    exitCode: 2,
    message:
      "INVALID_ARGUMENT: `--item` is required: 1 to 100 lines. For an order of one product, `--product` and `--quantity` are enough.",
  },
  { command: "order get", exitCode: 2, message: "`<order-id>` is required." },
  {
    command: "order create --user 1 --item 101",
    exitCode: 2,
    message: '`--item` must be product-id=quantity, such as 101=2; it is "101".',
  },
  {
    command: "order create --user 1 --item 101=0",
    exitCode: 2,
    message: "INVALID_ARGUMENT: `--item` (quantity) must be from 1 to 10000; it is 0 or missing.",
  },
  {
    command: "order create --user 1 --data {}",
    exitCode: 2,
    message: "`--user` cannot be used with `--data`: --data is the whole request.",
  },
  { command: "order create --data {", exitCode: 2, message: "`--data` is not JSON: unexpected end of input." },
  {
    command: 'order create --data {"userId":1}',
    exitCode: 2,
    message: '`--data`: `userId` must be a string, such as "1"; it is a number.',
  },
  {
    command: 'order create --data {"userID":"1"}',
    exitCode: 2,
    message: "`--data`: `userID` is not a field of order.v1.CreateOrderRequest; did you mean userId?",
  },
  {
    command: "order create --data @/no/such/file",
    exitCode: 2,
    message: "`--data`: cannot read /no/such/file: the file does not exist.",
  },
  {
    command: "order list --state confirmd",
    exitCode: 2,
    message: '`--state` must be one of pending, confirmed, cancelled, rejected; it is "confirmd".',
  },
  {
    command: "order list --page-size many",
    exitCode: 2,
    message: '`--page-size` must be a whole number from 0 to 100, such as 1; it is "many".',
  },
  {
    command: "order list --page-size 1000",
    exitCode: 2,
    message: "INVALID_ARGUMENT: `--page-size` must be from 0 to 100; it is 1000.",
  },
  { command: "inventory update 101", exitCode: 2, message: "INVALID_ARGUMENT: Set either `--stock` or `--delta`." },
  {
    command: "product create --name Webcam --price 49",
    exitCode: 2,
    message: `\`--price\` must be ${money}; it is "49".`,
  },
  {
    command: "user create --name Dana --email dana --password short",
    exitCode: 2,
    message:
      "INVALID_ARGUMENT: `--email` must be an e-mail address, such as alice@example.com. `--password` must have at least 8 characters; it has 5.",
  },
  {
    command: "product get 101 --timeout soon",
    exitCode: 2,
    message:
      "option '--timeout <time>' argument 'soon' is invalid. It must be a time up to a day, such as 500ms or 2s.",
  },
  {
    command: "product get 101 --url {user}",
    exitCode: 1,
    message:
      "UNIMPLEMENTED: This is the user service. product.v1.ProductService is served by the product service, at {product}.",
  },
  {
    command: "product get 101 --url {tls of product}",
    exitCode: 6,
    message:
      "UNAVAILABLE: product.v1.ProductService at {tls of product} is unavailable: the server did not answer in TLS. Use an http:// URL if this port has no TLS",
  },
  {
    command: "product get 101 --url {nothing}",
    exitCode: 6,
    message:
      "UNAVAILABLE: product.v1.ProductService at {nothing} is unavailable: connection refused by 127.0.0.1:1: nothing listens there. Is the service running, and is this its port?",
  },
  {
    command: "product get 101 --timeout 0.001ms",
    exitCode: 6,
    message:
      "DEADLINE_EXCEEDED: product.v1.ProductService/GetProduct did not answer within 0 ms, the limit of `--timeout` of the call. Set a longer one; the contract allows 1000 ms.",
  },
];
