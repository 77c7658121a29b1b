import { execFile } from "node:child_process";
import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate authority of the test. */
export interface CertificateAuthority {
  /** Its certificate, a PEM file. */
  readonly file: string;
  /** Writes a new certificate for the names, `tls.crt` and `tls.key`, to a folder, in place of those that are there. Returns its serial number. */
  issue(folder: string, names: readonly string[]): Promise<string>;
}

const keyOptions = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Creates an authority in a folder. */
export async function createCertificateAuthority(folder: string): Promise<CertificateAuthority> {
  const authority = openCertificateAuthority(folder);
  const about = ["-subj", "/CN=Parley test authority", "-addext", "basicConstraints=critical,CA:TRUE"];
  const key = join(folder, "ca.key");
  await run("openssl", ["req", "-x509", ...keyOptions, "-days", "2", ...about, "-keyout", key, "-out", authority.file]);
  return authority;
}

/** The authority of a folder. */
export function openCertificateAuthority(folder: string): CertificateAuthority {
  const [file, key] = [join(folder, "ca.crt"), join(folder, "ca.key")];
  let issued = 0;
  return {
    file,
    async issue(target, names) {
      issued++;
      const serial = String(issued).padStart(2, "0");
      const beside = (name: string) => join(target, `${name}.new`);
      const [request, extensions] = [beside("request"), beside("extensions")];
      await run("openssl", [
        "req",
        "-new",
        ...keyOptions,
        "-subj",
        "/CN=Parley",
        "-keyout",
        beside("key"),
        "-out",
        request,
      ]);
      await writeFile(extensions, `subjectAltName=${names.map(nameEntry).join(",")}\n`);
      await run("openssl", [
        ...["x509", "-req", "-in", request, "-CA", file, "-CAkey", key, "-set_serial", `0x${serial}`, "-days", "2"],
        ...["-extfile", extensions, "-out", beside("crt")],
      ]);
      // The image's user reads it, as it reads a mounted Secret.
      await chmod(beside("key"), 0o644);
      await rename(beside("crt"), join(target, "tls.crt"));
      await rename(beside("key"), join(target, "tls.key"));
      return serial;
    },
  };
}

/** The serial number of the certificate that a server shows. */
export function shownSerial({
  host,
  port,
  name,
}: {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: name, ALPNProtocols: ["h2"], rejectUnauthorized: false });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
  });
}

function nameEntry(name: string): string {
  return /^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`;
}
