/** From a canvas's RGBA to the channels that a model takes. */

/** From sRGB to the luminance, and back to sRGB: how a colour becomes grey (libvips does the same). */
const LINEAR = Float64Array.from({ length: 256 }, (_, i) => {
  const value = i / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

function grey(red: number, green: number, blue: number): number {
  if (red === green && green === blue) return red;
  const y = 0.2126 * LINEAR[red]! + 0.7152 * LINEAR[green]! + 0.0722 * LINEAR[blue]!;
  return Math.round(255 * (y <= 0.0031308 ? 12.92 * y : 1.055 * y ** (1 / 2.4) - 0.055));
}

/** RGBA over black, in the model's number of channels. */
export function channelsOf(rgba: Uint8ClampedArray, channels: number): Uint8Array {
  const bytes = new Uint8Array((rgba.length / 4) * channels);
  for (let p = 0; p < rgba.length / 4; p++) {
    const alpha = rgba[4 * p + 3]!;
    const over = (c: number): number => Math.round((rgba[4 * p + c]! * alpha) / 255);
    if (channels === 1) bytes[p] = grey(over(0), over(1), over(2));
    else for (let c = 0; c < 3; c++) bytes[3 * p + c] = over(c);
  }
  return bytes;
}
