import { Certifier } from 'glean-certify/web';

const output = document.querySelector('output');
const certifier = await Certifier.load(new URL('model.onnx', import.meta.url));
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
