const output = document.querySelector('output');

async function start() {
  const workers = navigator.serviceWorker;
  await workers.register('sw.js');
  if (workers.controller === null) {
    await new Promise((resolve) => workers.addEventListener('controllerchange', resolve, { once: true }));
  }
  output.textContent = 'ready';
}

document.querySelector('input').addEventListener('change', async (event) => {
  const response = await fetch('certify', { method: 'POST', body: event.target.files[0] });
  const { error, className, radius } = await response.json();
  // Rounded down: nothing is proven beyond the radius.
  output.textContent = error ?? `${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`;
});

start().catch((error) => {
  output.textContent = error.message;
});
