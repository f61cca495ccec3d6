import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import Kinto, { init } from "essaim";
import { optionsOf, useTasks } from "./tasks.js";

await init(await readFile(fileURLToPath(import.meta.resolve("essaim/wasm"))));
console.log(JSON.stringify(await useTasks(Kinto, { ...optionsOf(process.argv[2]), adapter: "memory" })));
