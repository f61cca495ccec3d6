// The memory of the package's module. Import this before whatever loads the module: it is seen when the module is instantiated.

let instance;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...given) => {
  const loaded = await instantiate(...given);
  instance = loaded.instance ?? loaded;
  return loaded;
};

export const memory = () => instance.exports.memory;
