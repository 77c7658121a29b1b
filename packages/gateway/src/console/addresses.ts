/** The text for `curl` at `/`: a list of addresses. */
export function addressesText(address: string): string {
  return `Parley: an order platform of Connect-RPC services. A browser shows the console at this address.

REST          ${address}/products, ${address}/orders
OpenAPI       ${address}/openapi.json, as a page: ${address}/docs
Connect JSON  curl ${address}/product.v1.ProductService/ListProducts -H 'content-type: application/json' -d '{}'
gRPC          the same address; reflection lists the services
Health        ${address}/health
`;
}

/** The page for browsers if the console was not built. */
export const notBuiltHtml = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Parley</title>
<h1>The console has not been built</h1>
<p><code>npm start</code> builds it; a gateway that was started in another way does not. Build it with <code>npm run build:console</code>,
and load this page again. The API works: see <a href="docs">its description</a>.</p>
</html>
`;
