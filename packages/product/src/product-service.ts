import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { callContextKey, type Environment } from "@parley/rpc";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import { answerOnce, type Database, decodePageToken, encodePageToken, InvalidPageTokenError } from "@parley/store";
import { addProduct, editProduct, removeProduct } from "./catalogue.ts";
import { callerName, edge } from "./error-answers.ts";
import { productNotFound } from "./product-errors.ts";
import type { ProductEvents } from "./product-events.ts";
import { changeOf, priceOf, productMessage, required } from "./product-messages.ts";
import { findProduct, findProducts, listProducts, type ProductPlace } from "./product-store.ts";

/** Products on a page where the caller names no number (the contract's default). */
const pageSizeDefault = 50;
const listName = "products";

export interface ProductServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly events: ProductEvents;
}

/** `product.v1.ProductService`: the catalogue, contract in, contract out. */
export function createProductService({ environment, database, events }: ProductServiceOptions): ServiceEntry {
  const { clock, newId } = environment;
  const { method } = ProductService;

  return implement(ProductService, {
    createProduct: edge((request, { values }) => {
      const [nowMs, caller] = [clock.now(), callerName(values.get(callContextKey))];
      return database.transaction((transaction) =>
        answerOnce(transaction, { method: method.createProduct, request, caller, nowMs }, async () => {
          const { name, description, stock, lowStockThreshold } = request;
          const price = priceOf(request.price);
          const fields = { id: newId(), name, description, price, stock, lowStockThreshold };
          return { product: productMessage(await addProduct(transaction, fields, nowMs)) };
        }),
      );
    }),

    getProduct: edge(async ({ productId: id }) => {
      const product = await findProduct(database, id);
      if (product === undefined) {
        throw productNotFound([id]);
      }
      return { product: productMessage(product) };
    }),

    batchGetProducts: edge(async ({ productIds: ids }) => {
      const found = await findProducts(database, ids);
      const products = ids.map((id) => found.get(id)).filter((product) => product !== undefined);
      if (products.length < ids.length) {
        throw productNotFound(ids.filter((id) => !found.has(id)));
      }
      return { products: products.map(productMessage) };
    }),

    listProducts: edge(async ({ pageSize, pageToken }) => {
      const size = pageSize === 0 ? pageSizeDefault : pageSize;
      const after = pageToken === "" ? undefined : placeOf(pageToken);
      // One more than asked for tells whether there is another page.
      const found = await listProducts(database, { after, limit: size + 1 });
      const page = found.slice(0, size);
      const last = found.length > size ? page.at(-1) : undefined;
      const nextPageToken = last === undefined ? "" : encodePageToken([last.createTimeMs, last.id], listName);
      return { products: page.map(productMessage), nextPageToken };
    }),

    updateProduct: edge((request, { values }) => {
      const cause = values.get(callContextKey);
      const [nowMs, caller] = [clock.now(), callerName(cause)];
      return database.transaction((transaction) =>
        answerOnce(transaction, { method: method.updateProduct, request, caller, nowMs }, async () => {
          const product = required(request.product, "product");
          const { id, etag } = product;
          const change = changeOf(product, request.updateMask?.paths ?? []);
          return {
            product: productMessage(await editProduct(transaction, events, { id, etag, change, nowMs, cause })),
          };
        }),
      );
    }),

    deleteProduct: edge(async ({ productId: id, etag }) => {
      const nowMs = clock.now();
      await database.transaction((transaction) => removeProduct(transaction, { id, etag, nowMs }));
      return {};
    }),
  });
}

function placeOf(pageToken: string): ProductPlace {
  const [createTimeMs, id] = decodePageToken(pageToken, listName);
  if (typeof createTimeMs !== "number" || typeof id !== "string") {
    throw new InvalidPageTokenError();
  }
  return { createTimeMs, id };
}
