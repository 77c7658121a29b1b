export { debianBinaries, embeddedBinaries, type PostgresBinaries } from "./postgres-binaries.ts";
export { type PostgresServer, type PostgresServerOptions, startPostgresServer } from "./postgres-server.ts";
