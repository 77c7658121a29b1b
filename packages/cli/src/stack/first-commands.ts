import type { StackMember } from "./stack.ts";

interface FirstCommand {
  readonly purpose: string;
  readonly command: string;
}

const json = "-H 'content-type: application/json'";

/** What to type first, of that which works with the services that run. */
export function firstCommands(members: readonly StackMember[]): readonly FirstCommand[] {
  const urls = new Map(members.map(({ service, url }) => [service.name, typed(url)]));
  const [user, product, order] = [urls.get("user"), urls.get("product"), urls.get("order")];
  const commands: FirstCommand[] = [];
  if (order !== undefined) {
    commands.push({
      purpose: "Place an order: Alice buys two laptops and a mouse",
      command: `curl -s ${order}/order.v1.OrderService/CreateOrder ${json} -d '{"userId":"1","items":[{"productId":"101","quantity":2},{"productId":"102","quantity":1}]}'`,
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
      purpose: "Ask the same port over gRPC; reflection tells the contract",
      command: `npx buf curl --protocol grpc --http2-prior-knowledge -d '{}' ${withScheme(order)}/order.v1.OrderService/ListOrders`,
    });
  } else if (user !== undefined) {
    commands.push({
      purpose: "See who is there",
      command: `curl -s ${user}/user.v1.UserService/ListUsers ${json} -d '{}'`,
    });
  }
  return commands;
}

/** Short, as a person types it: curl adds `http://` itself. */
function typed(url: string): string {
  return url.replace("http://127.0.0.1:", "localhost:");
}

function withScheme(address: string): string {
  return address.includes("://") ? address : `http://${address}`;
}
