import process from 'node:process';
import { Certifier } from 'glean-certify/node';

const certifier = await Certifier.load('model.onnx');
for (const picture of process.argv.slice(2)) {
  const { className, radius } = await certifier.predict(picture);
  // Rounded down: nothing is proven beyond the radius.
  console.log(`${picture}: ${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`);
}
await certifier.dispose();
