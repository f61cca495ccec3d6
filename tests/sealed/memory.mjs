// The memory of the package's WASM. Import this file before the WASM is loaded, because it intercepts the instantiation.

let instance;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...given) => {
  const loaded = await instantiate(...given);
  instance = loaded.instance ?? loaded;
  return loaded;
};

export const memory = () => instance.exports.memory;
