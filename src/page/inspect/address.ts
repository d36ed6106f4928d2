/** A model by its address: from this page's own host, or from another one over https, and from nowhere else. */

/** As many bytes as the page proves; more are not even fetched. */
const MOST_BYTES = 100_000_000;

/**
 * The address that `?model=` names.
 *
 * @throws Error if it is neither https nor of this page's host, or carries a name and a password
 */
export function modelAddress(text: string, base: string): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch (cause) {
    throw new Error(`?model=${text}: no address`, { cause });
  }
  const own = url.origin === new URL(base).origin && url.protocol.startsWith('http');
  if (!own && url.protocol !== 'https:') {
    throw new Error(`?model=${text}: found ${url.protocol}, expected https: or a file of this page's own host`);
  }
  if (url.username !== '' || url.password !== '')
    throw new Error('?model=: an address with a name and a password is not opened');
  return url;
}

/**
 * Fetches a model without cookies and without telling where the reader comes from.
 *
 * @throws Error naming the address, if there is no answer, no permission (CORS), or too much of it
 */
export async function fetchModel(url: URL, signal: AbortSignal, onProgress: (share: number) => void): Promise<Blob> {
  const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal }).catch((cause) => {
    throw new Error(
      `${url.href}: cannot be fetched. Its host must be up, and allow other pages to read the file (CORS: Access-Control-Allow-Origin); so must every host that it redirects to, over https. If you cannot change that, download the file and open it here`,
      { cause },
    );
  });
  if (!response.ok) throw new Error(`${url.href}: the host answers ${response.status} ${response.statusText}`.trim());
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const tooLarge = (bytes: number): Error =>
    new Error(`${url.href}: ${(bytes / 1e6).toFixed(0)} MB or more, at most ${MOST_BYTES / 1e6} MB are opened`);
  if (length > MOST_BYTES) throw tooLarge(length);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = response.body!.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parts.push(piece.value);
    received += piece.value.length;
    if (received > MOST_BYTES) {
      await reader.cancel();
      throw tooLarge(received);
    }
    if (length > 0) onProgress(received / length);
  }
  return new Blob(parts);
}

/** What a file at this address is called. */
export function nameOf({ pathname }: URL): string {
  const name = pathname.split('/').findLast((part) => part !== '') ?? 'model.onnx';
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** From now on this page asks no other host for anything: a policy that is added can only forbid more. */
export function stayHome(): void {
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = "connect-src 'self'";
  document.head.append(policy);
}
