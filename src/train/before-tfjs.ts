/** What the process must have before tfjs-node is loaded: imported ahead of it, for its effect alone. */
import nodeUtil from 'node:util';

// TensorFlow's start-up banner would stand in the output of every command; the binding reads the variable once.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';

/*
 * In TensorFlow 2.19, oneDNN's matrix products for AVX let the stack pointer point into the heap, so a signal that is
 * handled meanwhile overwrites what lies below. Node.js handles SIGWINCH on a terminal: resizing it ended training
 * (uxlfoundation/oneDNN issue 4845, mended in oneDNN in March 2026). Eigen's own products do not.
 */
process.env['TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL'] ??= 'false';

/*
 * tfjs-node 4.22 calls these two functions of node:util. Node.js 23 removed isNullOrUndefined, without which no operation works, and from 22 on
 * a call of what is still there prints a deprecation warning. They are set on every version, so that training works and prints the same on all.
 */
const util: { isArray?: (value: unknown) => boolean; isNullOrUndefined?: (value: unknown) => boolean } = nodeUtil;
util.isArray = Array.isArray;
util.isNullOrUndefined = (value) => value === null || value === undefined;
