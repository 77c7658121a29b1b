import { readFileSync } from "node:fs";
import { isLoopbackName } from "../http/host-check.ts";
import {
  readSettings,
  type ServerSettings,
  type Settings,
  SettingsError,
  type SettingValues,
  serverSettings,
} from "./settings.ts";

/** Reads the service's own settings and the common ones, and checks their combinations too. Throws {@link SettingsError}. */
export function checkedSettings<S extends Settings>(
  settings: S,
  variables: NodeJS.ProcessEnv,
): SettingValues<ServerSettings & S> {
  const values = readSettings({ ...serverSettings, ...settings }, variables);
  const mistakes = mistakesTogether(values as SettingValues<ServerSettings>);
  if (mistakes.length > 0) {
    throw new SettingsError(`settings are wrong:\n${mistakes.map((mistake) => `  ${mistake}`).join("\n")}`);
  }
  return values;
}

function mistakesTogether(values: SettingValues<ServerSettings>): readonly string[] {
  const { AUTH: auth, HOST: host, SERVICE_KEYS_FILE: keysFile, ALLOW_OPEN: allowOpen } = values;
  const mistakes: string[] = [];
  if (auth === "required" && keysFile === "" && values.TLS_SERVICE_NAMES === undefined) {
    mistakes.push("SERVICE_KEYS_FILE: must be set where AUTH=required, unless TLS_SERVICE_NAMES is");
  }
  if (values.TLS_SERVICE_NAMES !== undefined && values.TLS_CA_FILE === undefined) {
    mistakes.push("TLS_CA_FILE: must be set where TLS_SERVICE_NAMES is: client certificates are verified against it");
  }
  if (values.SERVICE_IDENTITY === "certificate" && values.CLIENT_TLS_CERT_FILE === undefined) {
    mistakes.push("CLIENT_TLS_CERT_FILE: must be set where SERVICE_IDENTITY=certificate");
  }
  if (auth === "off" && !allowOpen && !isLoopbackName(host)) {
    mistakes.push(
      `AUTH: is off, so every caller may call every method, and HOST=${host} can be reached from other machines. ` +
        "Set AUTH=required or HOST=127.0.0.1, or ALLOW_OPEN=1 if this is intended.",
    );
  }
  return [...mistakes, ...unreadableFiles(values)];
}

const tlsFileSettings = [
  "TLS_CERT_FILE",
  "TLS_KEY_FILE",
  "TLS_CA_FILE",
  "CLIENT_TLS_CA_FILE",
  "CLIENT_TLS_CERT_FILE",
  "CLIENT_TLS_KEY_FILE",
] as const;

/** Checks that the configured files are readable, so that the error names the setting. */
function unreadableFiles(values: SettingValues<ServerSettings>): readonly string[] {
  const keys = values.AUTH === "required" ? (["SERVICE_KEY_FILE", "SERVICE_KEYS_FILE"] as const) : [];
  return [...keys, ...tlsFileSettings].flatMap((setting) => {
    const file = values[setting];
    try {
      if (file) {
        readFileSync(file);
      }
      return [];
    } catch (error) {
      return [`${setting}: cannot be read: ${error instanceof Error ? error.message : error}`];
    }
  });
}
