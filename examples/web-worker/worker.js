import { Certifier } from 'glean-certify/web';

const loading = Certifier.load(new URL('model.onnx', import.meta.url));
loading.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ error: error.message }),
);

addEventListener('message', async ({ data: picture }) => {
  try {
    const { className, radius } = await (await loading).predict(picture);
    postMessage({ className, radius });
  } catch (error) {
    postMessage({ error: error.message });
  }
});
