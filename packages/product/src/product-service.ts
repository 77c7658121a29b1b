import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { callContextKey, type Environment } from "@parley/rpc";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import { answerOnce, type Database, readPage } from "@parley/store";
import { addProduct, editProduct, removeProduct } from "./catalogue.ts";
import { answering, callerName } from "./error-answers.ts";
import { productNotFound } from "./product-errors.ts";
import type { ProductEvents } from "./product-events.ts";
import { changeOf, priceOf, productMessage, required } from "./product-messages.ts";
import { findProduct, findProducts, productList } from "./product-store.ts";

export interface ProductServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly events: ProductEvents;
}

/** `product.v1.ProductService`: the catalogue. */
export function createProductService({ environment, database, events }: ProductServiceOptions): ServiceEntry {
  const { clock, newId } = environment;
  const { method } = ProductService;

  return implement(ProductService, {
    createProduct: answering((request, { values }) => {
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

    getProduct: answering(async ({ productId: id }) => {
      const product = await findProduct(database, id);
      if (product === undefined) {
        throw productNotFound([id]);
      }
      return { product: productMessage(product) };
    }),

    batchGetProducts: answering(async ({ productIds: ids }) => {
      const found = await findProducts(database, ids);
      const products = ids.map((id) => found.get(id)).filter((product) => product !== undefined);
      if (products.length < ids.length) {
        throw productNotFound(ids.filter((id) => !found.has(id)));
      }
      return { products: products.map(productMessage) };
    }),

    listProducts: answering(async (page) => {
      const { rows, nextPageToken } = await readPage(page, productList(database));
      return { products: rows.map(productMessage), nextPageToken };
    }),

    updateProduct: answering((request, { values }) => {
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

    deleteProduct: answering(async ({ productId: id, etag }) => {
      const nowMs = clock.now();
      await database.transaction((transaction) => removeProduct(transaction, { id, etag, nowMs }));
      return {};
    }),
  });
}
