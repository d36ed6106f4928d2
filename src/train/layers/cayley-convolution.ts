/**
 * Cayley-orthogonal circular convolution: the frequency responses of a k×k kernel, each made orthogonal by the Cayley
 * transform. The result has a kernel as large as the image, and is (semi-)orthogonal as a whole. Trockman & Kolter,
 * ICLR 2021.
 */

import { type FourierFrame, fourierFrame } from '../../network/fourier-frame.ts';
import type { FourierLayer } from '../../network/plain-network.ts';
import { tf } from '../tfjs.ts';
import { activate } from './activation.ts';
import { cayleyBlocks } from './cayley.ts';
import type { EvaluatedLayer, Layer } from './layer.ts';
import { spaceToDepth } from './space-to-depth.ts';

export interface ConvolutionSizes {
  /** Height and width of the output; the input is `down` times as large. */
  readonly height: number;
  readonly width: number;
  readonly down: number;
  readonly kernel: number;
  /** Channels after space-to-depth. */
  readonly inputs: number;
  readonly outputs: number;
}

/** Kernel taps [k², n, m] → their real frequency responses [slots, 2n, 2m]. */
function embed([toReal, toImaginary]: ResponseTensors, taps: tf.Tensor3D): tf.Tensor3D {
  const [count, n, m] = taps.shape;
  const flat = tf.reshape(taps, [count, n * m]) as tf.Tensor2D;
  const half = (table: tf.Tensor2D) =>
    tf.reshape(tf.matMul(table, flat), [table.shape[0] / 2, 2 * n, m]) as tf.Tensor3D;
  return tf.concat3d([half(toReal), half(toImaginary)], 2);
}

/**
 * The orthogonal blocks [slots, 2·inputs, 2·outputs] of kernel taps [k², n, m], n = max(inputs, outputs), m the smaller
 * one. If inputs < outputs, they are those of the adjoint convolution, transposed.
 */
export function orthogonalBlocks(response: ResponseTensors, taps: tf.Tensor3D, wide: boolean): tf.Tensor3D {
  const [count, n, m] = taps.shape;
  const slots = response[0].shape[0] / 2;
  const u = embed(response, tf.slice3d(taps, [0, 0, 0], [count, m, m]));
  const v = n === m ? null : embed(response, tf.slice3d(taps, [0, m, 0], [count, n - m, m]));
  const { top, bottom } = cayleyBlocks(u, v);
  let blocks = top;
  if (bottom !== null) {
    // The real parts of all n rows, then the imaginary parts.
    const parts = [tf.reshape(top, [slots, 2, m, 2 * m]), tf.reshape(bottom, [slots, 2, n - m, 2 * m])];
    blocks = tf.reshape(tf.concat(parts, 2), [slots, 2 * n, 2 * m]) as tf.Tensor3D;
  }
  return wide ? (tf.transpose(blocks, [0, 2, 1]) as tf.Tensor3D) : blocks;
}

/** x [N, H, W, c] ↦ [N, H, W, c′]: into the frame, times the blocks, and back. */
export function fourierProduct(x: tf.Tensor4D, blocks: tf.Tensor3D, frame: FrameTensors): tf.Tensor4D {
  const [n, height, width, inputs] = x.shape;
  const { vertical, horizontal } = frame;
  const [rows] = horizontal.shape;
  const [slots, , outputs2] = blocks.shape;
  const outputs = outputs2 / 2;
  // The batch is an inner dimension, so that every product is one of large matrices.
  const inside = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [height, width * n * inputs]) as tf.Tensor2D;
  const columns = tf.reshape(tf.matMul(vertical, inside), [rows, 2 * width, n * inputs]) as tf.Tensor3D;
  const spectrum = tf.reshape(tf.matMul(horizontal, columns), [slots, 2, n, inputs]);
  const vectors = tf.reshape(tf.transpose(spectrum, [0, 2, 1, 3]), [slots, n, 2 * inputs]) as tf.Tensor3D;
  const products = tf.reshape(tf.matMul(vectors, blocks), [slots, n, 2, outputs]);
  const back = tf.reshape(tf.transpose(products, [0, 2, 1, 3]), [rows, 2 * width, n * outputs]) as tf.Tensor3D;
  const lines = tf.reshape(tf.matMul(horizontal, back, true), [2 * rows, width * n * outputs]) as tf.Tensor2D;
  const image = tf.reshape(tf.matMul(vertical, lines, true), [height, width, n, outputs]);
  return tf.transpose(image, [2, 0, 1, 3]) as tf.Tensor4D;
}

/**
 * A frame's response to a kernel, as the matrices that give its real parts and its imaginary parts: each [slots · (from
 * re, im), k²].
 */
export type ResponseTensors = readonly [toReal: tf.Tensor2D, toImaginary: tf.Tensor2D];

export function responseTensors(frame: FourierFrame, kernel: number): ResponseTensors {
  const shape = [frame.slots * 2, 2, kernel * kernel] as [number, number, number];
  const [toReal, toImaginary] = tf.unstack(tf.tensor3d(Float32Array.from(frame.response(kernel)), shape), 1);
  return [toReal as tf.Tensor2D, toImaginary as tf.Tensor2D];
}

/** The frame's matrices in float32. */
export interface FrameTensors {
  readonly vertical: tf.Tensor2D;
  readonly horizontal: tf.Tensor3D;
}

export function frameTensors({ rows, height, width, vertical, horizontal }: FourierFrame): FrameTensors {
  return {
    vertical: tf.tensor2d(Float32Array.from(vertical), [2 * rows, height]),
    horizontal: tf.tensor3d(Float32Array.from(horizontal), [rows, 2 * width, 2 * width]),
  };
}

/** MaxMin(Q·x + b) on images, Q an orthogonal circular convolution. */
export function cayleyConvolution(sizes: ConvolutionSizes): Layer<FourierLayer> {
  const { height, width, down, kernel, inputs, outputs } = sizes;
  const frame = fourierFrame(height, width);
  const taps = kernel * kernel;
  const [n, m] = [Math.max(inputs, outputs), Math.min(inputs, outputs)];
  return {
    initialParameters: (draw) =>
      new Map([
        // Responses of variance 1/n, as in a dense layer.
        ['kernel', draw([taps, n, m], 1 / Math.sqrt(taps * n))],
        ['bias', tf.zeros([outputs])],
      ]),
    evaluate: (parameter): EvaluatedLayer<FourierLayer> => {
      const response = responseTensors(frame, kernel);
      const blocks = orthogonalBlocks(response, parameter('kernel') as tf.Tensor3D, inputs < outputs);
      const bias = parameter('bias');
      const tensors = frameTensors(frame);
      return {
        apply: (x) => {
          const image = spaceToDepth(x as tf.Tensor4D, down);
          return activate(tf.add(fourierProduct(image, blocks, tensors), bias), 'maxMin');
        },
        condense: () => ({
          kind: 'fourier',
          height,
          width,
          down,
          inputs,
          outputs,
          blocks: blocks.dataSync<'float32'>().slice(),
          bias: bias.dataSync<'float32'>().slice(),
          activation: 'maxMin',
        }),
      };
    },
  };
}
