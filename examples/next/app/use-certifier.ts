import type { Certifier } from 'glean-certify/web';
import { useEffect, useState } from 'react';

export type Loading =
  | { readonly status: 'loading'; readonly certifier?: undefined; readonly error?: undefined }
  | { readonly status: 'ready'; readonly certifier: Certifier; readonly error?: undefined }
  | { readonly status: 'error'; readonly certifier?: undefined; readonly error: Error };

const LOADING: Loading = { status: 'loading' };

/** The certifier of the model at this address, while the component is mounted. */
export function useCertifier(url: string): Loading {
  const [loaded, setLoaded] = useState<{ readonly url: string; readonly state: Loading }>();

  useEffect(() => {
    const aborted = new AbortController();
    const loading = load(url, aborted.signal);
    loading.then(
      (certifier) => {
        if (!aborted.signal.aborted) setLoaded({ url, state: { status: 'ready', certifier } });
      },
      (error: Error) => {
        if (!aborted.signal.aborted) setLoaded({ url, state: { status: 'error', error } });
      },
    );
    return () => {
      aborted.abort();
      setLoaded(undefined);
      // One that was on its way is disposed of when it is there: React mounts twice in development.
      loading.then(
        (certifier) => certifier.dispose(),
        () => undefined,
      );
    };
  }, [url]);

  // Until the effect has run, the state is still that of another address.
  return loaded?.url === url ? loaded.state : LOADING;
}

/** The package is loaded on demand: the server renders without it, and the page's first scripts stay small. */
async function load(url: string, signal: AbortSignal): Promise<Certifier> {
  const { Certifier } = await import('glean-certify/web');
  return Certifier.load(await fetch(url, { signal }));
}
