import { Certifier } from 'glean-certify/web';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { env } from 'onnxruntime-web/wasm';
import model from './model.onnx';

// esbuild gives the names of the files that it wrote beside this one, and does not follow onnxruntime-web's own URL.
env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url) };

const output = document.querySelector('output');
const certifier = await Certifier.load(new URL(model, import.meta.url));
output.textContent = 'ready';

document.querySelector('input').addEventListener('change', async (event) => {
  try {
    const picture = await createImageBitmap(event.target.files[0]);
    const { className, radius } = await certifier.predict(picture);
    // Rounded down: nothing is proven beyond the radius.
    output.textContent = `${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`;
  } catch (error) {
    output.textContent = error.message;
  }
});
