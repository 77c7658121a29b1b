// Made by `npm run generate` from proto/ and the package.json files of packages/. Never edited.

export const services = [
  {
    "typeName": "user.v1.UserService",
    "process": "user",
    "commandGroup": "user",
    "description": "User accounts and sign-in.",
    "exposed": true
  },
  {
    "typeName": "product.v1.ProductService",
    "process": "product",
    "commandGroup": "product",
    "description": "The product catalogue.",
    "exposed": true
  },
  {
    "typeName": "product.v1.InventoryService",
    "process": "product",
    "commandGroup": "inventory",
    "description": "Stock and reservations.",
    "exposed": true
  },
  {
    "typeName": "order.v1.OrderService",
    "process": "order",
    "commandGroup": "order",
    "description": "Orders.",
    "exposed": true
  },
  {
    "typeName": "notification.v1.NotificationService",
    "process": "notification",
    "commandGroup": "notification",
    "description": "Notifications, failed notifications and dead letters.",
    "exposed": true
  },
  {
    "typeName": "event.v1.EventService",
    "process": "notification",
    "commandGroup": "event",
    "description": "Implemented by services that consume events.",
    "exposed": false
  },
  {
    "typeName": "echo.v1.EchoService",
    "process": "echo-a",
    "commandGroup": "echo",
    "description": "Returns the message it receives.",
    "exposed": true
  },
  {
    "typeName": "echo.v1.CallEchoService",
    "process": "echo-b",
    "commandGroup": "echo",
    "description": "Calls the echo service.",
    "exposed": true
  }
];

export const processes = [
  {
    "name": "notification",
    "main": "packages/notification/src/main.ts",
    "port": 50054,
    "contracts": [
      "notification.v1.NotificationService",
      "event.v1.EventService"
    ],
    "calls": [],
    "database": true,
    "public": true,
    "urlVariable": "NOTIFICATION_SERVICE_URL"
  },
  {
    "name": "user",
    "main": "packages/user/src/main.ts",
    "port": 50051,
    "contracts": [
      "user.v1.UserService"
    ],
    "calls": [
      "notification"
    ],
    "database": true,
    "public": true,
    "urlVariable": "USER_SERVICE_URL"
  },
  {
    "name": "product",
    "main": "packages/product/src/main.ts",
    "port": 50052,
    "contracts": [
      "product.v1.ProductService",
      "product.v1.InventoryService"
    ],
    "calls": [
      "notification"
    ],
    "database": true,
    "public": true,
    "urlVariable": "PRODUCT_SERVICE_URL"
  },
  {
    "name": "order",
    "main": "packages/order/src/main.ts",
    "port": 50053,
    "contracts": [
      "order.v1.OrderService"
    ],
    "calls": [
      "user",
      "product",
      "notification"
    ],
    "database": true,
    "public": true,
    "urlVariable": "ORDER_SERVICE_URL"
  },
  {
    "name": "echo-a",
    "main": "packages/echo/src/echo-a-main.ts",
    "port": 50061,
    "contracts": [
      "echo.v1.EchoService"
    ],
    "calls": [],
    "database": false,
    "public": true,
    "urlVariable": "ECHO_A_SERVICE_URL"
  },
  {
    "name": "echo-b",
    "main": "packages/echo/src/echo-b-main.ts",
    "port": 50062,
    "contracts": [
      "echo.v1.CallEchoService"
    ],
    "calls": [
      "echo-a"
    ],
    "database": false,
    "public": true,
    "urlVariable": "ECHO_B_SERVICE_URL"
  },
  {
    "name": "gateway",
    "main": "packages/gateway/src/main.ts",
    "port": 8080,
    "contracts": [
      "REST and every public service"
    ],
    "calls": [
      "user",
      "product",
      "order",
      "notification",
      "echo-a",
      "echo-b"
    ],
    "database": false,
    "public": false,
    "urlVariable": "GATEWAY_SERVICE_URL"
  }
];

export const publicProcesses = processes.filter((process) => process.public);

export const platform = {
  reasonDomain: "parley.dev",
  errorHelpUrl: "http://localhost:8080/docs/errors.md",
  directory: processes.map(({ name, contracts, port }) => ({ name, contracts, port })),
};
