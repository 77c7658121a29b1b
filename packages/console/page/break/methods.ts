import {
  CallEchoService,
  EchoService,
  InventoryService,
  NotificationService,
  OrderService,
  ProductService,
  UserService,
} from "@parley/client";

const served = {
  user: [UserService],
  product: [ProductService, InventoryService],
  order: [OrderService],
  notification: [NotificationService],
  "echo-a": [EchoService],
  "echo-b": [CallEchoService],
} as const;

/** The methods of a process, by short name. */
export function methodsOf(process: string): readonly string[] {
  const services = served[process as keyof typeof served] ?? Object.values(served).flat();
  return services.flatMap(({ methods }) => methods.map(({ name }) => name));
}
