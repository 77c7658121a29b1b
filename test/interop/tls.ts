import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TlsConfig } from "@parley/rpc/server";

/** Creates a self-signed certificate for localhost in a folder. Undefined without openssl. */
export async function createCertificate(folder: string): Promise<TlsConfig | undefined> {
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const args = [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", files.keyFile, "-out", files.certFile],
  ];
  try {
    await promisify(execFile)("openssl", args);
  } catch {
    return undefined;
  }
  return files;
}
