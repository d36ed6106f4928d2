/** A host of models beside the page's own: https with a certificate of its own, and a header of CORS where it likes. */
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from './self-signed.ts';

/** Names that the browser must take for this machine, and one that nobody has. */
export const OTHER_HOSTS = ['--host-resolver-rules=MAP *.models.example 127.0.0.1, MAP gone.example ~NOTFOUND'];

/** What the host answers at a path. */
export interface Served {
  readonly status?: number;
  /** Headers besides the length. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface OtherHost {
  /** The address of a path, under this name. */
  url(name: string, path: string): string;
  /** What was asked for, in order: the path and the headers. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/** Serves what `served` names by path, all else with 404, on a free port of 127.0.0.1. */
export async function serveOther(
  served: (url: OtherHost['url']) => Readonly<Record<string, Served>>,
): Promise<OtherHost> {
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  let table: Readonly<Record<string, Served>> = {};
  const server = createServer(selfSigned(), ({ url, headers: asked }, response) => {
    requests.push({ path: url!, headers: asked });
    const { status = 200, headers = {}, body = new Uint8Array() } = table[url!] ?? { status: 404 };
    response.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const url = (name: string, path: string): string => `https://${name}:${port}${path}`;
  table = served(url);
  return {
    url,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
