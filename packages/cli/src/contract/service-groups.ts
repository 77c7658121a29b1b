/** A service of the contracts, and the word that stands for it on the command line. */
export interface ServiceGroup {
  readonly name: string;
  readonly description: string;
  /** By full name, for example `order.v1.OrderService`. */
  readonly contracts: readonly string[];
}

/** What `parley <name> <method>` offers, known without reading the contracts, so that `parley --help` is quick. */
export const serviceGroups: readonly ServiceGroup[] = [
  { name: "user", description: "Accounts, and signing in.", contracts: ["user.v1.UserService"] },
  { name: "product", description: "The catalogue.", contracts: ["product.v1.ProductService"] },
  { name: "inventory", description: "How much of each product there is.", contracts: ["product.v1.InventoryService"] },
  { name: "order", description: "Placing, reading and cancelling orders.", contracts: ["order.v1.OrderService"] },
  {
    name: "notification",
    description: "What people were told, and what could not be told.",
    contracts: ["notification.v1.NotificationService"],
  },
  {
    name: "echo",
    description: "Two services that show how one calls another.",
    contracts: ["echo.v1.EchoService", "echo.v1.CallEchoService"],
  },
];
