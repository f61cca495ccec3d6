// Vite would bundle essaim for development, and lose the .wasm next to it.
export default { optimizeDeps: { exclude: ["essaim"] } };
