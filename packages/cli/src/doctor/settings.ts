import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readSettings, SettingsError, serverSettings, serviceUrl } from "@parley/rpc/server";
import { parseDatabaseUrl } from "@parley/store/database-url";
import { variablePrefix } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { bad, type Finding, good, note } from "./finding.ts";

/** Certificates that expire sooner are reported. */
const expiryNoticeMs = 14 * 24 * 60 * 60 * 1_000;

type Variables = Readonly<Record<string, string | undefined>>;

/** Whether the services would accept the environment, and whether the files in it can be used. */
export async function checkSettings(
  services: readonly ServiceDefinition[],
  shell: Variables,
): Promise<readonly Finding[]> {
  const findings = [...checkVariables(services, shell), ...(await checkCertificate(shell))];
  return findings.some(({ kind }) => kind === "bad") ? findings : [good("Settings"), ...findings];
}

function checkVariables(services: readonly ServiceDefinition[], shell: Variables): readonly Finding[] {
  const { PORT: _given, ...common } = serverSettings;
  const addresses = Object.fromEntries(
    services.map(({ name }) => [`${variablePrefix(name)}_SERVICE_URL`, serviceUrl({ default: "http://127.0.0.1" })]),
  );
  return [
    ...mistakes(() => readSettings({ ...common, ...addresses }, { ...shell })),
    ...services.flatMap((service) => databaseMistakes(service, shell)),
    ...(shell.BROKER_URL && !/^(direct$|(rediss?|kafkas?):\/\/)/.test(shell.BROKER_URL)
      ? [bad(`BROKER_URL: must be direct, redis://host:port or kafka://host:port, is "${shell.BROKER_URL}"`)]
      : []),
    ...(shell.LIMITS_URL && !/^rediss?:\/\//.test(shell.LIMITS_URL)
      ? [bad("LIMITS_URL: must be redis://host:port or rediss://host:port")]
      : []),
    ...(shell.DATABASE_URL
      ? [
          note(
            "DATABASE_URL is set, and `parley up` does not use it",
            "Each service has its own: ORDER_DATABASE_URL, …",
          ),
        ]
      : []),
    ...(shell.PORT
      ? [note("PORT is set, and `parley up` does not use it", "--port-offset shifts the ports of all services.")]
      : []),
  ];
}

function databaseMistakes({ name, database }: ServiceDefinition, shell: Variables): readonly Finding[] {
  const variable = `${variablePrefix(name)}_DATABASE_URL`;
  const url = shell[variable];
  if (!database || !url) {
    return [];
  }
  try {
    parseDatabaseUrl(url);
    return [];
  } catch (error) {
    // Its message never contains the URL, which may have a password.
    return [bad(`${variable}: ${error instanceof Error ? error.message : error}`)];
  }
}

function mistakes(read: () => unknown): readonly Finding[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      throw error;
    }
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => bad(line.trim()));
  }
}

async function checkCertificate({
  TLS_CERT_FILE: certFile,
  TLS_KEY_FILE: keyFile,
}: Variables): Promise<readonly Finding[]> {
  if (!certFile || !keyFile) {
    return [];
  }
  try {
    const certificate = new X509Certificate(await readFile(certFile));
    if (!certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile)))) {
      return [bad(`TLS_KEY_FILE: ${keyFile} is not the key of ${certFile}`)];
    }
    const leftMs = certificate.validToDate.getTime() - Date.now();
    if (leftMs <= 0) {
      return [bad(`TLS_CERT_FILE: ${certFile} expired on ${certificate.validTo}`, "Obtain a new certificate.")];
    }
    if (certificate.validFromDate.getTime() > Date.now()) {
      return [bad(`TLS_CERT_FILE: ${certFile} is not valid before ${certificate.validFrom}`)];
    }
    return leftMs < expiryNoticeMs ? [note(`TLS_CERT_FILE: ${certFile} expires on ${certificate.validTo}`)] : [];
  } catch (error) {
    return [bad(`TLS_CERT_FILE or TLS_KEY_FILE: ${error instanceof Error ? error.message : error}`)];
  }
}
