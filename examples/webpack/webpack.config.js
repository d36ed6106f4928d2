export default {
  mode: 'production',
  entry: './main.js',
  module: {
    rules: [{ test: /\.html$/, type: 'asset/resource', generator: { filename: '[name][ext]' } }],
  },
  // The WebAssembly and the model are larger than webpack's limit for scripts.
  performance: { assetFilter: (name) => name.endsWith('.js') },
};
