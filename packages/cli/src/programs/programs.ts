import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "../service/service-registry.ts";

/** The files that Node runs: the command line, and each service's process. */
export interface Programs {
  /** The file of a service's process. */
  main(service: { readonly main: string }): string;
  /** The module that `parley up` loads into each service before the service's own file. */
  readonly preload: string;
}

/** The sources, whose types Node strips at each start. */
export const sourcePrograms: Programs = {
  main: ({ main }) => main,
  preload: fileURLToPath(new URL("../process/preload/preload.ts", import.meta.url)),
};

/** Programs bundled into a folder, see scripts/pack/bundle-programs.ts. Services that are not part of this platform run from their own file. */
export function bundledPrograms(folder: string): Programs {
  const names = new Map(services.map(({ name, main }) => [main, name]));
  return {
    main({ main }) {
      const name = names.get(main);
      return name === undefined ? main : join(folder, `${name}.js`);
    },
    preload: join(folder, "preload.js"),
  };
}

/** The folder of the bundled programs that this code is part of. Undefined if it runs from its sources. */
export const ownFolder: string | undefined = import.meta.filename.endsWith(".ts") ? undefined : import.meta.dirname;
