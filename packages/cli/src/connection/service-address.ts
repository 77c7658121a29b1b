import { serviceUrl, variablePrefix } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

export interface AddressOptions {
  readonly services: readonly ServiceDefinition[];
  /** Added to the ports of the registry. */
  readonly portOffset: number;
  readonly shell: Readonly<Record<string, string | undefined>>;
}

/**
 * The address of a contract's service: `<NAME>_SERVICE_URL` of the shell, or else the address of `parley up` on this machine.
 * Throws if no service serves the contract.
 */
export function addressOf(contract: string, options: AddressOptions): string {
  const service = options.services.find(({ contracts }) => contracts.includes(contract));
  if (service === undefined) {
    throw new Error(`no service of the stack serves ${contract}`);
  }
  return addressOfService(service, options);
}

/** The address of a service of the stack, see {@link addressOf}. */
export function addressOfService(service: ServiceDefinition, { services, portOffset, shell }: AddressOptions): string {
  const override = shell[`${variablePrefix(service.name)}_SERVICE_URL`];
  return override || serviceUrl(service, { services, portOffset, dataFolder: "", logLevel: "" }, shell);
}
