import type { FileRegistry } from "@bufbuild/protobuf";
import { commentOf } from "@parley/contract";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo, route } from "../route.ts";
import { findMethod, offeredMethods, offeredServices, readContracts, registry, registryError } from "./contracts.ts";
import { MethodPanel } from "./method-panel.tsx";

const search = signal("");

/** Every public method, with a form generated from its contract. */
export function ExplorerView(): JSX.Element {
  useEffect(() => void readContracts(), []);
  const [service = "", name = ""] = route.value.rest;
  const contracts = registry.value;
  const method = contracts === undefined ? undefined : findMethod(contracts, service, name);
  return (
    <div class="page">
      <PageHead
        title="Explorer"
        text="Call any method. The forms, their rules and their descriptions are generated from the contracts."
      />
      {registryError.value === undefined ? null : (
        <Failure error={registryError.value}>
          <div>
            <button type="button" class="button small" onClick={() => void readContracts()}>
              Try again
            </button>
          </div>
        </Failure>
      )}
      <div class="explorer">
        {contracts === undefined ? (
          <nav class="panel methods" />
        ) : (
          <MethodList contracts={contracts} current={`${service}/${name}`} />
        )}
        {contracts !== undefined && method !== undefined ? (
          <MethodPanel key={`${service}/${name}`} method={method} registry={contracts} />
        ) : (
          <section class="panel">
            <Empty icon="explorer" title="Pick a method">
              <span>
                For example <a href={linkTo("explorer/order.v1.OrderService/CreateOrder")}>CreateOrder</a>.
              </span>
            </Empty>
          </section>
        )}
      </div>
    </div>
  );
}

function MethodList({
  contracts,
  current,
}: {
  readonly contracts: FileRegistry;
  readonly current: string;
}): JSX.Element {
  const wanted = search.value.toLowerCase();
  return (
    <nav class="panel methods" aria-label="Methods">
      <input
        type="search"
        aria-label="Search methods"
        placeholder="Search"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      {offeredServices(contracts).map((service) => {
        const methods = offeredMethods(service).filter(({ name }) => name.toLowerCase().includes(wanted));
        return methods.length === 0 ? null : (
          <section key={service.typeName}>
            <h2 title={commentOf(service)}>{service.typeName}</h2>
            <ul>
              {methods.map(({ name, methodKind }) => (
                <li key={name}>
                  <a
                    href={linkTo(`explorer/${service.typeName}/${name}`)}
                    aria-current={current === `${service.typeName}/${name}` ? "page" : undefined}
                  >
                    {name}
                    {methodKind === "unary" ? null : <span class="badge async">stream</span>}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}
