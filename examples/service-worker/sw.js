// Answers POST /certify with the label and the radius of the picture in its body.
import { Certifier } from 'glean-certify/web';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { env } from 'onnxruntime-web/wasm';
import model from './model.onnx';

env.wasm.wasmPaths = { wasm: new URL(wasm, self.location.href) };
// A service worker cannot start the workers that more threads need.
env.wasm.numThreads = 1;

let loading;

/** The browser stops a service worker that is idle, and starts it anew for the next request: each start loads once. */
function certifier() {
  loading ??= Certifier.load(new URL(model, self.location.href)).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function answer(request) {
  try {
    const picture = await createImageBitmap(await request.blob());
    const { className, radius } = await (await certifier()).predict(picture);
    return Response.json({ className, radius });
  } catch (error) {
    return Response.json({ error: error.message }, { status: 400 });
  }
}

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  if (event.request.method === 'POST' && event.request.url === new URL('certify', self.location.href).href) {
    event.respondWith(answer(event.request));
  }
});
