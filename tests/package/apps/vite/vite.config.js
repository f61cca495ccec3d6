// Without this, Vite's development server would bundle essaim and lose the .wasm file next to it.
export default { optimizeDeps: { exclude: ["essaim"] } };
