import { productionSettings } from "./production-settings.ts";

/** What compose.yaml reads besides the production settings, with a comment each. */
const ownVariables: readonly (readonly [variable: string, about: string, value: string])[] = [
  [
    "POSTGRES_PASSWORD",
    "Required: the password of the PostgreSQL servers. It has to be set before their first start.",
    "",
  ],
  [
    "SIGNING_KEY_SECRET",
    "Required: at least 32 characters, for example of `openssl rand -base64 48`. Encrypts the keys of access tokens.",
    "",
  ],
  ["HTTP_PORT", "The port of nginx.", "8080"],
  [
    "ERROR_HELP_URL",
    "The page that errors link to: the public address of the gateway.",
    "https://shop.example.com/docs/errors.md",
  ],
  ["REPLICAS", "Replicas of each service.", "1"],
  ["BROKER_URL", "kafka://kafka:9092 with --profile kafka.", "redis://redis:6379"],
];

/** deploy/example.env: the variables of compose.yaml, to be copied to `.env`. What has to be set is not commented out. */
export function exampleEnv(): string {
  const settings = productionSettings.map(({ variable, about, value, composeValue = value }) =>
    variable.startsWith("ADMIN_")
      ? ([variable, `Required: ${about.charAt(0).toLowerCase()}${about.slice(1)}`, ""] as const)
      : ([variable, about, composeValue] as const),
  );
  const lines = [...ownVariables, ...settings].map(
    ([variable, about, value]) => `# ${about}\n${about.startsWith("Required") ? "" : "# "}${variable}=${value}\n`,
  );
  return `# Settings of compose.yaml: copy this file to .env. Made by \`npm run generate\`.
# Set the empty ones: until then compose.yaml uses published values, which are only for trying out.\n\n${lines.join("\n")}`;
}
