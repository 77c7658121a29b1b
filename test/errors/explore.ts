import { openErrorStack } from "/work/wt/teach/test/errors/error-stack.ts";

const s = await openErrorStack();
const { gateway, order, user, product, notification } = s.urls;
async function say(label: string, url: string, init: any = {}) {
  try {
    const r = await fetch(url, init);
    const t = await r.text();
    console.log(`${label}\n   ${r.status} ${t.slice(0, 900).replace(/,?"value":"[^"]*"/g, "")}`);
  } catch (e: any) {
    console.log(label, "FETCH FAILED", e.cause?.message ?? e.message);
  }
}
const j = { "content-type": "application/json" };
const post =
  (base: string) =>
  (path: string, body: any, headers: any = {}) =>
    say(
      `POST ${path} ${typeof body === "string" ? body : JSON.stringify(body)} ${JSON.stringify(headers)}`,
      base + path,
      { method: "POST", headers: { ...j, ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) },
    );
const g = post(gateway),
  o = post(order);
const CO = "/order.v1.OrderService/CreateOrder";
const it = [{ productId: "101", quantity: 1 }];
for (const [path, p] of [
  ["/orders", g],
  [CO, o],
] as const) {
  await p(path, {});
  await p(path, "");
  await p(path, "{");
  await p(path, '{"userId":"1",}');
  await p(path, "[]");
  await p(path, "null");
  await p(path, '"x"');
  await p(path, { userId: 1, items: it });
  await p(path, { userId: "1", items: [] });
  await p(path, { userId: "1", items: "101" });
  await p(path, { userId: "1", items: { productId: "101" } });
  await p(path, { userId: "1", items: [null] });
  await p(path, { userId: "1", items: ["101"] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: 0 }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: 1.5 }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: "two" }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: true }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: 99999999999 }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: 20000 }] });
  await p(path, { userId: "1", items: [{ productId: 101, quantity: 1 }] });
  await p(path, { userId: "1", items: it, requestId: "abc" });
  await p(path, { userId: "1", items: it, requestID: "abc" });
  await p(path, { userId: "x".repeat(70), items: it });
  await p(path, { userId: "nobody", items: it });
  await p(path, { userId: "1", items: [{ productId: "999", quantity: 1 }] });
  await p(path, { userId: "1", items: [{ productId: "101", quantity: 9999 }] });
  await p(path, { userId: "1", items: it }, { "content-type": "text/plain" });
  await p(path, { userId: "1", items: it }, { "content-encoding": "br" });
}
const CP = "/product.v1.ProductService/CreateProduct";
for (const [path, p] of [
  ["/products", g],
  [CP, post(product)],
] as const) {
  await p(path, { name: "x", price: 5 });
  await p(path, { name: "x", price: "5 USD" });
  await p(path, { name: "x", price: { currencyCode: "usd", units: "1" } });
  await p(path, { name: "x", price: { currencyCode: "USD", units: "0x10" } });
  await p(path, { name: "x", price: { currencyCode: "USD", units: -1 } });
  await p(path, { name: "x", price: { currencyCode: "USD", units: 1, nanos: 5000000000 } });
  await p(path, { name: "", price: { currencyCode: "USD", units: 1 } });
  await p(path, { name: "x" });
  await p(path, { name: "a\u0000b", price: { currencyCode: "USD", units: 1 } });
}
await post(product)("/product.v1.InventoryService/UpdateStock", { productId: "101" });
await post(product)("/product.v1.InventoryService/UpdateStock", { productId: "101", stock: 1, delta: 2 });
await g("/products/101:updateStock", {});
await say("openapi paths", gateway + "/openapi.json");
await say("GET CO", order + CO);
await say("GET CO at gateway", gateway + CO);
await say("GET getproduct noparams", product + "/product.v1.ProductService/GetProduct");
await say("GET wrong svc", user + CO, { method: "POST", headers: j, body: "{}" });
await say("wrong svc misspelt method", order + "/order.v1.OrderService/CreateOrdr", {
  method: "POST",
  headers: j,
  body: "{}",
});
await say("gw misspelt method", gateway + "/order.v1.OrderService/CreateOrdr", {
  method: "POST",
  headers: j,
  body: "{}",
});
await say("svc root", order + "/");
await say("gw unknown", gateway + "/order");
await say("gw PUT", gateway + "/orders", { method: "PUT", headers: j, body: "{}" });
await say("gw DELETE", gateway + "/orders/1", { method: "DELETE" });
for (const q of [
  "state=CONFIRMED",
  "page_size=-1",
  "page_size=x",
  "pagesize=1",
  "page_token=abc",
  "user_id=1&user_id=2",
  "state=9",
  "x=1",
  "page_size=1000",
  "user_id=%ff",
])
  await say("GET /orders?" + q, gateway + "/orders?" + q);
await post(order)("/order.v1.OrderService/ListOrders", { state: "CONFIRMED" });
await post(order)("/order.v1.OrderService/ListOrders", { state: 9 });
await post(order)("/order.v1.OrderService/ListOrders", { pageToken: "abc" });
await post(order)("/order.v1.OrderService/ListOrders", {}, { "connect-timeout-ms": "abc" });
await post(order)("/order.v1.OrderService/ListOrders", {}, { "connect-timeout-ms": "0" });
await post(order)("/order.v1.OrderService/ListOrders", {}, { "connect-timeout-ms": "99999999999" });
await post(order)("/order.v1.OrderService/ListOrders", {}, { "connect-protocol-version": "2" });
await post(order)("/order.v1.OrderService/GetOrder", { orderId: "nope" });
await post(order)("/order.v1.OrderService/CancelOrder", { orderId: "nope", reason: "\u0000" });
await g("/orders/nope:cancel", { reason: "x".repeat(600) });
await say("PATCH", gateway + "/products/101?update_mask=price.units", {
  method: "PATCH",
  headers: j,
  body: '{"price":{"units":"1"}}',
});
await say("PATCH", gateway + "/products/101?update_mask=nam", { method: "PATCH", headers: j, body: '{"name":"x"}' });
await say("PATCH", gateway + "/products/101", { method: "PATCH", headers: j, body: '{"nam":"x"}' });
await say("PATCH", gateway + "/products/101", { method: "PATCH", headers: j, body: '{"name":""}' });
await say("PATCH", gateway + "/products/101", { method: "PATCH", headers: j, body: "{}" });
await g("/users", { name: "x", email: "nomail", password: "short" });
await g("/users", { name: "x", email: "a@b.c", password: 12345678 });
await g("/users:login", { email: "alice@example.com", password: "nope" });
await say("x-server-timeout", gateway + "/orders", { headers: { "x-server-timeout": "abc" } });
await say("bad proto", order + CO, {
  method: "POST",
  headers: { "content-type": "application/proto" },
  body: Buffer.from([0x0a, 0x05, 1]),
});
await say("bad proto", order + CO, {
  method: "POST",
  headers: { "content-type": "application/proto" },
  body: Buffer.from([0x0a, 0x02, 0xff, 0xfe]),
});
await say("stream unary type", order + "/order.v1.OrderService/WatchOrders", {
  method: "POST",
  headers: j,
  body: "{}",
});
await say("metrics POST", order + "/metrics", { method: "POST", headers: j, body: "{}" });
await say("json get", order + "/order.v1.OrderService/GetOrder?connect=v1&encoding=json&message={");
await say("watch after pos", gateway + "/orders:watch?after_position=abc");
await say("if-match", gateway + "/orders", {
  method: "POST",
  headers: { ...j, "if-match": '"x"' },
  body: JSON.stringify({ userId: "1", items: it }),
});
await g("/notifications:test", { recipient: "nomail" });
await g("/notifications:sendTest", { recipient: "nomail" });
await s[Symbol.asyncDispose]();
process.exit(0);
