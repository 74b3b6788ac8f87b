/* sdc.mjs: runs a WASI program with Node: node tools/wasm/sdc.mjs FILE.wasm [--dir DIR]... [--] ARGUMENTS. It sees the
 * current folder and each DIR, under the names that they have here.
 *
 * A program with threads (wasi-threads) runs in a worker, and so does each of its threads, all started from here, where
 * nothing ever waits: whatever ends one of them ends the process. SDC_PROCESSORS says how many it is told of. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import v8 from "node:v8";

process.removeAllListeners("warning"); /* node:wasi says that it is experimental */
const { WASI } = await import("node:wasi");

const new_wasi = ({ args, preopens }) => new WASI({ version: "preview1", args: ["sdc", ...args], env: process.env, preopens });
/* What a thread but the first may ask of the host: its libc knows no threads, and files are another worker's. */
const OF_THREADS = ["clock_time_get", "random_get", "proc_exit"];

/* In a worker: the program, or one of its threads. */
async function in_worker({ module, memory, count, thread, program }) {
  const { wasiImport } = new_wasi(program), imports = { wasi_snapshot_preview1: wasiImport, env: { memory }, wasi: {
    "thread-spawn": argument => {
      const number = Atomics.add(count, 0, 1);
      parentPort.postMessage({ thread: { number, argument } });
      return number;
    } } };
  if (!thread) {
    const wasi = new_wasi(program), instance = await WebAssembly.instantiate(module, { ...imports, wasi_snapshot_preview1: wasi.wasiImport });
    parentPort.postMessage({ code: wasi.start(instance) });
    return;
  }
  for (const name of Object.keys(wasiImport).filter(name => !OF_THREADS.includes(name)))
    wasiImport[name] = () => { throw new Error(`a thread called ${name}`); };
  const instance = await WebAssembly.instantiate(module, imports);
  instance.exports.wasi_thread_start(thread.number, thread.argument);
}

function run_with_threads(module, program) {
  process.env.SDC_PROCESSORS ??= String(availableParallelism());
  /* Initial and largest sizes that rules.mk has, in pages. */
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true });
  const count = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  const start = thread => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { module, memory, count, thread, program } });
    worker.on("message", told => told.thread ? start(told.thread) : process.exit(told.code));
    worker.on("error", e => {
      console.error(`sdc: ${thread ? "a thread" : "the program"} ended: ${e.message}`);
      process.exit(1);
    });
  };
  start();
}

if (isMainThread) {
  /* V8 before 12 crashes when its garbage collector ends a round while a memory grows. */
  if (Number(process.versions.v8.split(".")[0]) < 12) v8.setFlagsFromString("--no-incremental-marking");

  const [file, ...args] = process.argv.slice(2), preopens = { ".": "." };
  while (args[0] === "--dir") preopens[args[1]] = args[1], args.splice(0, 2);
  if (args[0] === "--") args.shift();
  if (!file) throw new Error("usage: node sdc.mjs FILE.wasm [--dir DIR]... [--] ARGUMENTS");

  /* Relaxed SIMD is behind a flag in V8 before 11.4. */
  const bytes = readFileSync(file);
  if (!WebAssembly.validate(bytes)) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  const module = await WebAssembly.compile(bytes), program = { args, preopens };
  try {
    if (WebAssembly.Module.imports(module).some(i => i.module === "wasi")) run_with_threads(module, program);
    else {
      const wasi = new_wasi(program);
      process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
    }
  } catch (e) {
    if (!(e instanceof RangeError && /memory/i.test(e.message))) throw e;
    console.error(`sdc: ${e.message}; V8 reserves 10 GB of address space for a program's memory: raise ulimit -v`);
    process.exit(1);
  }
} else await in_worker(workerData);
