/* sdc.mjs: runs a WASI program with Node: node tools/wasm/sdc.mjs FILE.wasm [--dir DIR]... [--] ARGUMENTS. It sees the
 * current folder and each DIR, under the names that they have here. */
import { readFileSync } from "node:fs";
import v8 from "node:v8";

process.removeAllListeners("warning"); /* node:wasi says that it is experimental */
const { WASI } = await import("node:wasi");

/* V8 before 12 crashes when its garbage collector ends a round while a memory grows. */
if (Number(process.versions.v8.split(".")[0]) < 12) v8.setFlagsFromString("--no-incremental-marking");

const [file, ...args] = process.argv.slice(2), preopens = { ".": "." };
while (args[0] === "--dir") preopens[args[1]] = args[1], args.splice(0, 2);
if (args[0] === "--") args.shift();
if (!file) throw new Error("usage: node sdc.mjs FILE.wasm [--dir DIR]... [--] ARGUMENTS");

/* Relaxed SIMD is behind a flag in V8 before 11.4. */
const bytes = readFileSync(file);
if (!WebAssembly.validate(bytes)) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
const wasi = new WASI({ version: "preview1", args: ["sdc", ...args], env: process.env, preopens });
const { instance } = await WebAssembly.instantiate(bytes, wasi.getImportObject());
process.exitCode = wasi.start(instance);
