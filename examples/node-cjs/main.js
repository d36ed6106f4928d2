const { Certifier } = require('glean-certify/node');

async function main(pictures) {
  const certifier = await Certifier.load('model.onnx');
  for (const picture of pictures) {
    const { className, radius } = await certifier.predict(picture);
    // Rounded down: nothing is proven beyond the radius.
    console.log(`${picture}: ${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`);
  }
  await certifier.dispose();
}

main(process.argv.slice(2));
