/* worker.js: runs sdc for the page: it is told { module } once, then { args, files, threads } for each run, and tells
 * { line, fd }, { name, bytes } of files, { thread } that another worker is to run, and in the end { code }. Told { thread },
 * it runs that, and tells { ended }. { fault }: the engine ended the program. */
"use strict";

let compiled;

onmessage = async ({ data }) => {
  if (data.module) {
    compiled = data.module;
    return;
  }
  const told = { line: (fd, line) => postMessage({ fd, line }), file: (name, bytes) => postMessage({ name, bytes }, [bytes.buffer]),
    thread: thread => postMessage({ thread }) };
  try {
    if (data.thread) {
      const code = await Wasi.thread(compiled, data.thread, told);
      postMessage(code === undefined ? { ended: true } : { code });
    } else postMessage({ code: await new Wasi(["sdc", ...data.args], data.files, told, data.threads).run(compiled) });
  } catch (e) {
    postMessage({ fault: e instanceof RangeError && /memory/i.test(e.message) ? "out of memory" : String(e.message ?? e) });
  }
};
