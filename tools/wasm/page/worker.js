/* worker.js: runs sdc for the page: it is told { module } once, then { args, files } for each run, and tells { line, fd },
 * { name, bytes } of files and, in the end, { code }, or { fault } where the program was ended by the engine. */
"use strict";

let compiled;

onmessage = async ({ data }) => {
  if (data.module) {
    compiled = data.module;
    return;
  }
  const told = { line: (fd, line) => postMessage({ fd, line }), file: (name, bytes) => postMessage({ name, bytes }, [bytes.buffer]) };
  try {
    postMessage({ code: await new Wasi(["sdc", ...data.args], data.files, told).run(compiled) });
  } catch (e) {
    postMessage({ fault: e instanceof RangeError ? "out of memory" : String(e.message ?? e) });
  }
};
