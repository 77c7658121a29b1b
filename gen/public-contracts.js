// Made by `npm run generate` from proto/ and the package.json files of packages/. Never edited.

export * from "./echo/v1/echo_service_pb.js";
export * from "./notification/v1/notification_pb.js";
export * from "./notification/v1/notification_service_pb.js";
export * from "./order/v1/order_pb.js";
export * from "./order/v1/order_service_pb.js";
export * from "./product/v1/inventory_service_pb.js";
export * from "./product/v1/product_pb.js";
export * from "./product/v1/product_service_pb.js";
export * from "./product/v1/reservation_pb.js";
export * from "./user/v1/user_pb.js";
export * from "./user/v1/user_service_pb.js";
