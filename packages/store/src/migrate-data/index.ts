export { CopyError, type CopyOptions, copyToPostgres } from "./copy-to-postgres.ts";
