import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";

/** The paths of PEM files. */
export interface TlsFiles {
  /** Whom to trust. On a server: who signs the certificates that clients may show. */
  readonly caFile?: string | undefined;
  /** This side's own certificate, with its chain. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What the files say. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** What a client's TLS needs to know: which authorities to trust, and this side's own certificate. */
export interface TlsOptions {
  /** The certificate authorities to trust, PEM. Default: the system's. */
  readonly ca?: string | Buffer;
  /** Our own certificate, PEM, where the server asks for one. */
  readonly cert?: string | Buffer;
  /** The key of our own certificate, PEM. */
  readonly key?: string | Buffer;
  /** False accepts any certificate. For tests alone. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** Where new connections take their certificates from. */
export interface TlsSource {
  current(): Promise<TlsOptions> | TlsOptions;
}

/** How often the files are looked at, in milliseconds, unless told otherwise. cert-manager and SPIRE renew hours ahead of the end. */
export const tlsReloadIntervalMsDefault = 10_000;

export interface TlsFilesOptions {
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  readonly intervalMs?: number | undefined;
}

/**
 * Certificates that are read anew when their files change. The files are read and compared, not watched by inotify, so that mounted secrets, whose
 * directories are exchanged by a symbolic link, and network file systems work alike. New files count once they fit each other: a certificate that is
 * written before its key does not break connections.
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

  /** What the files said last. Rejects if they could not be read even once. */
  current(): Promise<TlsMaterial> | TlsMaterial {
    return this.#material ?? this.#load();
  }

  /** Calls back with what new files say. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks at the files no more. */
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
        // The next connection tries again.
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
        log?.warn({ ...this.#files, error: problem }, "TLS files cannot be used; those from before stay in use");
      }
    }
    this.#schedule();
  }
}

/** Reads the files. Rejects if one cannot be read, is no PEM file, or if the key is not the certificate's. */
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
