// Importing the package has no effect: no WASM, no database, no global. A server that renders pages imports it like this.
const before = Object.getOwnPropertyNames(globalThis).length;
const { default: Kinto } = await import("essaim");
const tasks = new Kinto().collection("tasks");
console.log(JSON.stringify({ name: tasks.name, added: Object.getOwnPropertyNames(globalThis).length - before }));
