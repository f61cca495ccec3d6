// Importing does nothing: no WASM, no database, no global. That is what a server that renders pages does.
const before = Object.getOwnPropertyNames(globalThis).length;
const { default: Kinto } = await import("essaim");
const tasks = new Kinto().collection("tasks");
console.log(JSON.stringify({ name: tasks.name, added: Object.getOwnPropertyNames(globalThis).length - before }));
