import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** For tests: whether the `openssl` command is available. */
export const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** For tests: a certificate and its key, PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** For tests: a certificate authority in a folder of the test. */
export interface Authority {
  /** The CA certificate, PEM. */
  readonly cert: string;
  /** Issues a certificate with these subject alternative names, for example `IP:127.0.0.1` or `URI:spiffe://…`. */
  issue(...names: readonly string[]): Issued;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function createAuthority(folder: string, name: string): Authority {
  const path = (file: string) => join(folder, `${name}-${file}`);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "ignore" });
  openssl(
    ...["req", "-x509", ...newKey, "-subj", `/CN=${name}`, "-days", "2"],
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  );
  let count = 0;
  return {
    cert: readFileSync(path("ca.pem"), "utf8"),
    issue(...names) {
      const file = (kind: string) => path(`${count}.${kind}`);
      count++;
      writeFileSync(file("ext"), `subjectAltName=${names.join(",")}\n`);
      openssl("req", ...newKey, "-subj", "/CN=issued", "-keyout", file("key"), "-out", file("csr"));
      openssl(
        ...["x509", "-req", "-in", file("csr"), "-days", "2", "-extfile", file("ext"), "-out", file("pem")],
        ...["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial"],
      );
      return { cert: readFileSync(file("pem"), "utf8"), key: readFileSync(file("key"), "utf8") };
    },
  };
}
