// Gives the functions that the module imports names of one or two letters, in the module and in the generated JavaScript:
//
//     node pkg-template/scripts/short-names.mjs <module.wasm> <glue.js>
//
// wasm-bindgen's names have a hash of 16 digits each, which does not compress: with them a download is 6 KB gzip larger. wasm-opt
// shortens names only of modules that Emscripten makes.

import { readFileSync, writeFileSync } from "node:fs";

const [modulePath, gluePath] = process.argv.slice(2);
const MODULE = "./essaim_wasm_bg.js";
const IMPORTS = 2;

/** An unsigned LEB128 number at a place: its value, and the place after it. */
function readNumber(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

const text = (value) => [...number(value.length), ...Buffer.from(value)];

function readText(bytes, at) {
  const [length, start] = readNumber(bytes, at);
  return [bytes.toString("utf8", start, start + length), start + length];
}

/** The place after what is imported: a function is a type's number. The module imports nothing else. */
function skipDescription(bytes, at) {
  if (bytes[at] !== 0) throw new Error(`The module imports something of kind ${bytes[at]}, which is no function.`);
  return readNumber(bytes, at + 1)[1];
}

/** `a` … `Z`, `aa` … */
function shortName(index) {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const last = letters[index % letters.length];
  return index < letters.length ? last : shortName(Math.floor(index / letters.length) - 1) + last;
}

function shortenSection(section, names) {
  let [count, at] = readNumber(section, 0);
  const shortened = number(count);
  for (; count > 0; count -= 1) {
    const [module, afterModule] = readText(section, at);
    const [name, afterName] = readText(section, afterModule);
    if (module !== MODULE || names.has(name)) throw new Error(`An import that was not expected: ${module} ${name}`);
    names.set(name, shortName(names.size));
    at = skipDescription(section, afterName);
    shortened.push(...text(module), ...text(names.get(name)), ...section.subarray(afterName, at));
  }
  return Buffer.from(shortened);
}

const wasm = readFileSync(modulePath);
const names = new Map();
const sections = [wasm.subarray(0, 8)];
for (let at = 8; at < wasm.length; ) {
  const id = wasm[at];
  const [size, start] = readNumber(wasm, at + 1);
  const content = wasm.subarray(start, start + size);
  const written = id === IMPORTS ? shortenSection(content, names) : content;
  sections.push(Buffer.from([id, ...number(written.length)]), written);
  at = start + size;
}

let glue = readFileSync(gluePath, "utf8");
for (const [name, short] of names) {
  const parts = glue.split(`\n        ${name}: `);
  if (parts.length !== 2) throw new Error(`${gluePath} has ${parts.length - 1} functions ${name}`);
  glue = parts.join(`\n        ${short}: `);
}
writeFileSync(modulePath, Buffer.concat(sections));
writeFileSync(gluePath, glue);
