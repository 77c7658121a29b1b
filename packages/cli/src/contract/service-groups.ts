import { services } from "@parley/gen/services.js";

/** A service of the contracts, or several, and their name on the command line. */
export interface ServiceGroup {
  readonly name: string;
  readonly description: string;
  /** By full name, for example `order.v1.OrderService`. */
  readonly contracts: readonly string[];
}

/** The methods of `parley <name>`, without reading the contracts' descriptors, so that `parley --help` is quick. */
export const serviceGroups: readonly ServiceGroup[] = [
  ...Map.groupBy(
    services.filter(({ exposed }) => exposed),
    ({ commandGroup }) => commandGroup,
  ),
].map(([name, members]) => ({
  name,
  description: members.map(({ description }) => description).join(" "),
  contracts: members.map(({ typeName }) => typeName),
}));
