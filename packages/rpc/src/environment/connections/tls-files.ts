import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";

/** The paths of PEM files. */
export interface TlsFiles {
  /** The trusted CAs. On a server: the CA of client certificates. */
  readonly caFile?: string | undefined;
  /** This side's own certificate, with its chain. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** The contents of the files. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A client's TLS options: the trusted authorities, and this side's own certificate. */
export interface TlsOptions {
  /** The certificate authorities to trust, PEM. Default: the system's. */
  readonly ca?: string | Buffer;
  /** Our own certificate, PEM, sent if the server asks for one. */
  readonly cert?: string | Buffer;
  /** The key of our own certificate, PEM. */
  readonly key?: string | Buffer;
  /** False accepts any certificate. For tests only. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** The source of certificates for new connections. */
export interface TlsSource {
  current(): Promise<TlsOptions> | TlsOptions;
}

/** The default interval of checks. cert-manager and SPIRE renew hours before expiry. */
export const tlsReloadIntervalMsDefault = 10_000;

export interface TlsFilesOptions {
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  readonly intervalMs?: number | undefined;
}

/**
 * Certificates that are read again when their files change. The files are read and compared, not watched by inotify, so that mounted secrets, whose
 * directories are exchanged by a symbolic link, and network file systems work alike. New files are used once they match each other: a certificate
 * that is written before its key does not break connections.
 */
export class WatchedTlsFiles implements TlsSource {
  readonly #files: TlsFiles;
  readonly #options: TlsFilesOptions;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #material: TlsMaterial | undefined;
  #first: Promise<TlsMaterial> | undefined;
  #problem = "";
  #stopped = false;
  #cancelTimer: () => void = () => {};

  constructor(files: TlsFiles, options: TlsFilesOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** The last contents. Rejects if the files were never readable. */
  current(): Promise<TlsMaterial> | TlsMaterial {
    return this.#material ?? this.#load();
  }

  /** Calls back with new contents. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.add(listener);
  }

  /** Stops checking. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #load(): Promise<TlsMaterial> {
    this.#first ??= readTlsFiles(this.#files).then(
      (material) => {
        this.#material = material;
        this.#schedule();
        return material;
      },
      (error) => {
        // The next connection retries.
        this.#first = undefined;
        throw error;
      },
    );
    return this.#first;
  }

  #schedule(): void {
    const { clock, intervalMs = tlsReloadIntervalMsDefault } = this.#options;
    if (!this.#stopped) {
      this.#cancelTimer = clock.after(intervalMs, () => void this.#look());
    }
  }

  async #look(): Promise<void> {
    const { log } = this.#options;
    try {
      const material = await readTlsFiles(this.#files);
      if (!this.#stopped && !isSame(material, this.#material)) {
        this.#material = material;
        log?.info({ ...this.#files, ...expiryOf(material) }, "TLS files reloaded");
        for (const listener of this.#listeners) {
          listener(material);
        }
      }
      this.#problem = "";
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) {
        this.#problem = problem;
        log?.warn({ ...this.#files, error: problem }, "TLS files are invalid; the previous ones stay in use");
      }
    }
    this.#schedule();
  }
}

/** Reads the files. Rejects if one cannot be read, is not PEM, or if the key does not match the certificate. */
export async function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => file && readFile(file)));
  const material = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  if (ca) {
    // A file without a certificate would trust no CA, and OpenSSL does not report that.
    new X509Certificate(ca);
  }
  createSecureContext(material);
  return material;
}

function isSame(one: TlsMaterial, other: TlsMaterial | undefined): boolean {
  return (["ca", "cert", "key"] as const).every((part) => {
    const [bytes, otherBytes] = [one[part], other?.[part]];
    return bytes === undefined || otherBytes === undefined ? bytes === otherBytes : bytes.equals(otherBytes);
  });
}

function expiryOf({ cert }: TlsMaterial): { readonly expires?: string } {
  return cert === undefined ? {} : { expires: new X509Certificate(cert).validToDate.toISOString() };
}
