import { type Certificate, GleanError } from 'glean-certify';
import { Certifier, type Prediction } from 'glean-certify/web';

/** The label of a picture, or why there is none. */
export async function labelOf(model: URL, picture: ImageBitmap): Promise<string> {
  let certifier: Certifier | undefined;
  try {
    certifier = await Certifier.load(model);
    const { className, radius }: Prediction = await certifier.predict(picture);
    return `${className}, certified to ${radius}`;
  } catch (error) {
    if (error instanceof GleanError) return `${error.code}: ${error.message}`;
    throw error;
  } finally {
    await certifier?.dispose();
  }
}

export const classesOf = (certifier: Certifier): Certificate['classes'] => certifier.certificate.classes;
