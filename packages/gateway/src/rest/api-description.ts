import { readFile } from "node:fs/promises";
import { createFileRegistry, type DescService, fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createOpenApi } from "@parley/rest";
import type { PublicService } from "../public-services.ts";
import { examples } from "./api-examples.ts";

/** The contracts with their comments, which generated code does not contain. */
const contractsUrl = new URL(import.meta.resolve("@parley/gen/contracts.binpb"));

export interface ApiDescriptionOptions {
  /** The contracts that the gateway offers. */
  readonly offered: readonly PublicService[];
  /** Whether callers must sign in where the contract requires it. */
  readonly signIn: boolean;
  /** Whether guests need no token where the contract admits them. */
  readonly guests: boolean;
  /** The currency of numbers that stand for an amount of money. */
  readonly defaultCurrency: string;
}

/** The OpenAPI 3.1 document of the gateway's REST API. */
export async function apiDescription(options: ApiDescriptionOptions): Promise<JsonObject> {
  const { offered, signIn, guests, defaultCurrency } = options;
  const contracts = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(contractsUrl)));
  const services = offered.map(({ service }) => contracts.getService(service.typeName) ?? service);
  return createOpenApi(services satisfies readonly DescService[], {
    title: "Parley",
    version: "1",
    description:
      "An order platform. Every method can also be called by gRPC, gRPC-Web and Connect on the same port. " +
      "Methods that create something answer 201, with its URL in `Location`; a repeated request gets the same answer. " +
      `A price may be a number, such as 199.99: it is an amount in ${defaultCurrency}. ` +
      "Lists are paged: `page_size`, and `page_token` with the `nextPageToken` of the page before. " +
      "Streams are sent as one JSON value per line, or as server-sent events for `accept: text/event-stream`; empty lines are " +
      "keepalives, and a stream that fails ends with a line or event with `error`.",
    // Relative to this document, which may be behind a proxy's path prefix.
    servers: ["."],
    signIn,
    guests,
    defaultCurrency,
    examples,
  });
}
