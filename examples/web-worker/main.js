const output = document.querySelector('output');
const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });

worker.addEventListener('message', ({ data: { ready, error, className, radius } }) => {
  if (ready) output.textContent = 'ready';
  else if (error !== undefined) output.textContent = error;
  // Rounded down: nothing is proven beyond the radius.
  else output.textContent = `${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`;
});

document.querySelector('input').addEventListener('change', async (event) => {
  try {
    const picture = await createImageBitmap(event.target.files[0]);
    worker.postMessage(picture, [picture]);
  } catch (error) {
    output.textContent = error.message;
  }
});
