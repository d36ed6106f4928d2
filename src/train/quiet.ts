/** Silences TensorFlow's start-up banner; imported before the binding, which reads the variable once. */
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
