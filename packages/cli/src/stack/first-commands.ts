import type { StackMember } from "./stack.ts";

interface FirstCommand {
  readonly purpose: string;
  readonly command: string;
}

export interface FirstCommandsOptions {
  /** Whether callers must authenticate: then the first command is to sign in. Default: false. */
  readonly signIn?: boolean;
}

const json = "-H 'content-type: application/json'";

/** The first commands to try with the running services. */
export function firstCommands(
  members: readonly StackMember[],
  { signIn = false }: FirstCommandsOptions = {},
): readonly FirstCommand[] {
  const urls = new Map(members.map(({ service, url }) => [service.name, typed(url)]));
  const [user, product, order] = [urls.get("user"), urls.get("product"), urls.get("order")];
  const token = signIn ? ` -H "authorization: Bearer $TOKEN"` : "";
  const userId = signIn ? `'$ID'` : "1";
  const commands: FirstCommand[] = [];
  if (user !== undefined && signIn) {
    const url = `${user}/user.v1.UserService`;
    const password = `"email":"me@example.com","password":"a-long-password"`;
    commands.push(
      {
        purpose: "Callers must authenticate (AUTH=required): sign up",
        command: `curl -s ${url}/CreateUser ${json} -d '{"name":"Me",${password}}'`,
      },
      {
        purpose: "Sign in, for 15 minutes",
        command: `LOGIN=$(curl -s ${url}/Login ${json} -d '{${password}}'); TOKEN=$(echo "$LOGIN" | ${textAfter('"accessToken":"')}); ID=$(echo "$LOGIN" | ${textAfter('"user":{"id":"')})`,
      },
    );
  }
  if (order !== undefined) {
    commands.push({
      purpose: `Place an order: ${signIn ? "you buy" : "Alice buys"} two laptops and a mouse`,
      command: `curl -s ${order}/order.v1.OrderService/CreateOrder ${json}${token} -d '{"userId":"${userId}","items":[{"productId":"101","quantity":2},{"productId":"102","quantity":1}]}'`,
    });
  }
  if (product !== undefined) {
    commands.push({
      purpose: "See how many laptops are left",
      command: `curl -s ${product}/product.v1.ProductService/GetProduct ${json} -d '{"productId":"101"}'`,
    });
  }
  if (order !== undefined) {
    commands.push({
      purpose: "Call the same port over gRPC; reflection provides the contract",
      command: `npx buf curl --protocol grpc --http2-prior-knowledge${token} -d '${signIn ? `{"userId":"${userId}"}` : "{}"}' ${withScheme(order)}/order.v1.OrderService/ListOrders`,
    });
  } else if (user !== undefined) {
    commands.push({
      purpose: "Read the users",
      command: signIn
        ? `curl -s ${user}/user.v1.UserService/GetUser ${json}${token} -d '{"userId":"${userId}"}'`
        : `curl -s ${user}/user.v1.UserService/ListUsers ${json} -d '{}'`,
    });
  }
  return commands;
}

/** Extracts a string from a JSON answer: the one that begins with `start`. */
function textAfter(start: string): string {
  return `sed 's/.*${start}\\([^"]*\\)".*/\\1/'`;
}

/** Short: curl adds `http://` itself. */
function typed(url: string): string {
  return url.replace("http://127.0.0.1:", "localhost:");
}

function withScheme(address: string): string {
  return address.includes("://") ? address : `http://${address}`;
}
