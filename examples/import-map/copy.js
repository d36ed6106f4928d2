// Copies everything that the page loads into dist/; nothing is bundled.
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folderOf = (entry) => dirname(fileURLToPath(import.meta.resolve(entry)));

for (const file of ['index.html', 'main.js', 'model.onnx']) cpSync(file, join('dist', file));
cpSync(folderOf('glean-certify/web'), 'dist/glean-certify', { recursive: true });
for (const file of ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm']) {
  cpSync(join(folderOf('onnxruntime-web/wasm'), file), join('dist/onnxruntime-web', file));
}
