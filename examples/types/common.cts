import { Certifier } from 'glean-certify/node';

// A file of CommonJS: the import above becomes a require().
export async function radiusOf(model: string, picture: string): Promise<number> {
  const certifier = await Certifier.load(model);
  const { radius } = await certifier.predict(picture);
  await certifier.dispose();
  return radius;
}
