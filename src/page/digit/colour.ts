/** Paints a grey digit in a colour, in the form that the models were trained on: 28×28×3 bytes, digit on black. */

export const SIDE = 28;
export const AREA = SIDE * SIDE;
export const IMAGE_SIZE = AREA * 3;

export type Rgb = readonly [red: number, green: number, blue: number];

/** Training saw only these two: a red digit has the grey value in channel 0, a green one in channel 1. */
export const RED: Rgb = [255, 0, 0];
export const GREEN: Rgb = [0, 255, 0];

/** pixel_c = round(grey · colour_c / 255), channels interleaved. */
export function paint(grey: Uint8Array, colour: Rgb): Uint8Array {
  const image = new Uint8Array(grey.length * 3);
  for (let p = 0; p < grey.length; p++) {
    for (let c = 0; c < 3; c++) image[p * 3 + c] = Math.round((grey[p]! * colour[c]!) / 255);
  }
  return image;
}

/** The brightest channel of each pixel: this turns a digit of one colour on black back into its grey digit. */
export function greyOf(image: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: image.length / 3 }, (_, p) =>
    Math.max(image[p * 3]!, image[p * 3 + 1]!, image[p * 3 + 2]!),
  );
}

/** `#rrggbb` as a colour. */
export function fromHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
