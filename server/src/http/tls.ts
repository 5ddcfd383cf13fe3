/** The server's certificate and key: read from their files at start, and again whenever somebody renewed them. */
import { readFileSync } from "node:fs";
import type { Server as SecureServer } from "node:https";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate with its chain, and its key, as PEM. */
export interface TlsContext {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: "TLSv1.2";
}

/** The files cannot be read, or the key is not the certificate's. */
export class TlsRefused extends Error {
  override readonly name = "TlsRefused";
}

/** @throws TlsRefused */
export function readTls({ certFile, keyFile }: TlsFiles): TlsContext {
  try {
    const context = {
      cert: readFileSync(certFile, "utf8"),
      key: readFileSync(keyFile, "utf8"),
      minVersion: "TLSv1.2",
    } as const;
    createSecureContext(context);
    return context;
  } catch (error) {
    throw new TlsRefused(`TLS: ${certFile} and ${keyFile} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Takes the renewed files for connections from now on; those that stand keep theirs. Files that cannot be used are
 * told of, and the server goes on with what it has.
 */
export function reloadTls(server: SecureServer, files: TlsFiles, log: Pick<Logger, "info" | "error">): void {
  try {
    server.setSecureContext(readTls(files));
    log.info({ certFile: files.certFile }, "the certificate was read again");
  } catch (error) {
    log.error({ err: error }, "the certificate was not read again; the old one is served on");
  }
}
