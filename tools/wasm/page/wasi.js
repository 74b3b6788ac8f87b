/* wasi.js: WASI preview 1 for one run of a program in a browser: arguments, a folder in memory, lines on the standard
 * streams, clocks and random numbers; and wasi-threads. Functions return WASI's error numbers; what is not here is refused
 * with ENOSYS. */
"use strict";

const BAD_FILE = 8, EXISTS = 20, INVALID = 28, IS_FOLDER = 31, NOTHING = 44, NO_CALL = 52, NOT_FOLDER = 54;
const STREAM = 0, FOLDER = 3, FILE = 4; /* types of files */
const CREATE = 1, MUST_BE_FOLDER = 2, EXCLUSIVE = 4, TRUNCATE = 8; /* of path_open */
const ROOT = 3; /* the descriptor of the folder, which the program knows as "." */
/* The memory of a program with threads, in pages of 64 KiB: the initial size is rules.mk's, the largest one 1 GiB. */
const SHARED = { initial: 1024, maximum: 16384, shared: true };
/* What a thread but the first may ask for: the program's libc knows no threads, and its files are the first one's. */
const OF_THREADS = ["clock_time_get", "random_get", "proc_exit", "thread-spawn"];

class Exit {
  constructor(code) { this.code = code; }
}

/* told.line(fd, text): a line on standard output (1) or error (2). told.file(name, bytes): a file got its name, complete.
 * told.thread(start): another worker is to call Wasi.thread with it. */
class Wasi {
  constructor(args, files, told, processors = 1) {
    this.args = args;
    this.environment = ["SDC_PROCESSORS=" + processors];
    this.files = new Map(Object.entries(files).map(([name, bytes]) => [name, { bytes, size: bytes.length }]));
    this.told = told;
    this.open = [null, null, null, { folder: true }];
    this.lines = ["", "", ""];
    this.decoders = [null, new TextDecoder(), new TextDecoder()];
    this.missing = {};
  }

  /* Runs a module of the program; the exit code. */
  async run(module) {
    const { _start } = (await this.instance(module)).exports, code = this.ended(_start) ?? 0;
    for (const fd of [1, 2]) if (this.lines[fd]) this.told.line(fd, this.lines[fd]);
    return code;
  }

  /* Runs a thread of a program that another worker runs, to its end; the exit code where it ended the program. */
  static async thread(module, { memory, count, number, argument }, told) {
    const wasi = new Wasi([], {}, told);
    Object.assign(wasi, { memory, count });
    const { wasi_thread_start } = (await wasi.instance(module, OF_THREADS)).exports;
    return wasi.ended(() => wasi_thread_start(number, argument));
  }

  /* Calls f; the exit code if the program ended meanwhile. */
  ended(f) {
    try {
      f();
    } catch (e) {
      if (!(e instanceof Exit)) throw e;
      return e.code;
    }
  }

  /* An instance that may call only what is allowed here, or anything. */
  async instance(module, allowed) {
    const imports = {};
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = kind === "memory" ? this.memory ??= new WebAssembly.Memory(SHARED)
        : allowed && !allowed.includes(name) ? () => { throw new Error("a thread called " + name); }
        : this[name] ? this[name].bind(this) : () => NO_CALL;
    }
    const instance = await WebAssembly.instantiate(module, imports);
    this.memory = instance.exports.memory;
    return instance;
  }

  "thread-spawn"(argument) {
    this.count ??= new Int32Array(new SharedArrayBuffer(4)); /* of the program's threads */
    const number = Atomics.add(this.count, 0, 1) + 1;
    this.told.thread({ memory: this.memory, count: this.count, number, argument });
    return number;
  }

  get view() { return new DataView(this.memory.buffer); }
  bytes(at, size) { return new Uint8Array(this.memory.buffer, at, size); }
  copy(at, size) { return this.bytes(at, size).slice(); } /* for functions that refuse shared memory */
  name(at, size) { return new TextDecoder().decode(this.copy(at, size)).replace(/^(\.?\/)+/, "").replace(/\/$/, "") || "."; }

  /* --- arguments, clocks, random numbers --- */

  strings(list, pointers, at) {
    for (const text of list) {
      const bytes = new TextEncoder().encode(text + "\0");
      this.view.setUint32(pointers, at, true);
      this.bytes(at, bytes.length).set(bytes);
      pointers += 4, at += bytes.length;
    }
    return 0;
  }
  sizes(list, count, size) {
    this.view.setUint32(count, list.length, true);
    this.view.setUint32(size, list.reduce((n, text) => n + new TextEncoder().encode(text).length + 1, 0), true);
    return 0;
  }
  args_sizes_get(count, size) { return this.sizes(this.args, count, size); }
  args_get(pointers, at) { return this.strings(this.args, pointers, at); }
  environ_sizes_get(count, size) { return this.sizes(this.environment, count, size); }
  environ_get(pointers, at) { return this.strings(this.environment, pointers, at); }

  clock_time_get(id, precision, out) {
    const ms = id === 0 ? Date.now() : performance.timeOrigin + performance.now(); /* which all workers share */
    this.view.setBigUint64(out, BigInt(Math.round(ms * 1e6)), true);
    return 0;
  }
  random_get(at, size) {
    for (let i = 0; i < size; i += 65536)
      this.bytes(at + i, Math.min(65536, size - i)).set(crypto.getRandomValues(new Uint8Array(Math.min(65536, size - i))));
    return 0;
  }
  proc_exit(code) { throw new Exit(code); }

  /* --- descriptors --- */

  fd_prestat_get(fd, out) {
    if (fd !== ROOT) return BAD_FILE;
    this.view.setUint32(out, 0, true);
    this.view.setUint32(out + 4, 1, true);
    return 0;
  }
  fd_prestat_dir_name(fd, at) {
    this.bytes(at, 1)[0] = ".".charCodeAt(0);
    return 0;
  }
  type(fd) {
    if (fd >= 0 && fd <= 2) return STREAM;
    return this.open[fd] && (this.open[fd].folder ? FOLDER : FILE);
  }
  fd_fdstat_get(fd, out) {
    const type = this.type(fd);
    if (type === undefined || type === null) return BAD_FILE;
    this.bytes(out, 24).fill(0);
    this.view.setUint8(out, type);
    this.view.setBigUint64(out + 8, ~0n, true);
    this.view.setBigUint64(out + 16, ~0n, true);
    return 0;
  }
  fd_fdstat_set_flags() { return 0; }
  fd_sync() { return 0; }
  fd_close(fd) {
    if (!this.open[fd]) return BAD_FILE;
    this.open[fd] = null;
    return 0;
  }
  stat(out, type, size) {
    this.bytes(out, 64).fill(0);
    this.view.setUint8(out + 16, type);
    this.view.setBigUint64(out + 24, 1n, true);
    this.view.setBigUint64(out + 32, BigInt(size), true);
    return 0;
  }
  fd_filestat_get(fd, out) {
    const type = this.type(fd);
    return type === undefined || type === null ? BAD_FILE : this.stat(out, type, type === FILE ? this.open[fd].file.size : 0);
  }
  path_filestat_get(fd, flags, at, length, out) {
    const name = this.name(at, length), file = this.files.get(name);
    if (name === ".") return this.stat(out, FOLDER, 0);
    return file ? this.stat(out, FILE, file.size) : NOTHING;
  }

  /* --- reading and writing --- */

  /* Calls each(address, size) for the buffers of a list until one is not used up; stores how much was. */
  each_buffer(list, count, out, each) {
    let done = 0;
    for (let i = 0; i < count; i++) {
      const size = this.view.getUint32(list + 8 * i + 4, true), n = each(this.view.getUint32(list + 8 * i, true), size);
      done += n;
      if (n < size) break;
    }
    this.view.setUint32(out, done, true);
    return 0;
  }
  read(file, from, at, size) {
    const part = file.bytes.subarray(Math.min(from, file.size), Math.min(from + size, file.size));
    this.bytes(at, part.length).set(part);
    return part.length;
  }
  fd_read(fd, list, count, out) {
    const open = this.open[fd];
    if (fd === 0) return this.each_buffer(list, count, out, () => 0);
    if (!open || open.folder) return BAD_FILE;
    return this.each_buffer(list, count, out, (at, size) => {
      const n = this.read(open.file, open.at, at, size);
      open.at += n;
      return n;
    });
  }
  fd_pread(fd, list, count, offset, out) {
    const open = this.open[fd];
    let from = Number(offset);
    if (!open || open.folder) return BAD_FILE;
    return this.each_buffer(list, count, out, (at, size) => {
      const n = this.read(open.file, from, at, size);
      from += n;
      return n;
    });
  }
  print(fd, at, size) {
    const text = this.lines[fd] + this.decoders[fd].decode(this.copy(at, size), { stream: true }), lines = text.split("\n");
    this.lines[fd] = lines.pop();
    for (const line of lines) this.told.line(fd, line);
    return size;
  }
  write(open, at, size) {
    const { file } = open;
    if (open.at + size > file.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * file.bytes.length, open.at + size, 4096));
      larger.set(file.bytes.subarray(0, file.size));
      file.bytes = larger;
    }
    file.bytes.set(this.bytes(at, size), open.at);
    open.at += size;
    file.size = Math.max(file.size, open.at);
    return size;
  }
  fd_write(fd, list, count, out) {
    const open = this.open[fd];
    if (fd === 1 || fd === 2) return this.each_buffer(list, count, out, (at, size) => this.print(fd, at, size));
    if (!open || open.folder) return BAD_FILE;
    return this.each_buffer(list, count, out, (at, size) => this.write(open, at, size));
  }
  fd_seek(fd, offset, whence, out) {
    const open = this.open[fd];
    if (!open || open.folder) return BAD_FILE;
    const to = Number(offset) + [0, open.at, open.file.size][whence];
    if (to < 0) return INVALID;
    open.at = to;
    this.view.setBigUint64(out, BigInt(to), true);
    return 0;
  }

  /* --- the folder --- */

  path_open(fd, follow, at, length, how, rights, inheriting, flags, out) {
    const name = this.name(at, length);
    let file = this.files.get(name);
    if (name !== "." && name.includes("/")) return NOTHING;
    if (name !== "." && how & MUST_BE_FOLDER) return file ? NOT_FOLDER : NOTHING;
    if (file && how & CREATE && how & EXCLUSIVE) return EXISTS;
    if (!file && name !== ".") {
      if (!(how & CREATE)) return NOTHING;
      this.files.set(name, (file = { bytes: new Uint8Array(0), size: 0 }));
    }
    if (file && how & TRUNCATE) file.size = 0;
    const free = this.open.findIndex((o, i) => i > ROOT && !o), number = free < 0 ? this.open.length : free;
    this.open[number] = name === "." ? { folder: true } : { file, at: flags & 1 ? file.size : 0 };
    this.view.setUint32(out, number, true);
    return 0;
  }
  path_rename(fd, from, from_length, to_fd, to, to_length) {
    const old = this.name(from, from_length), name = this.name(to, to_length), file = this.files.get(old);
    if (!file) return NOTHING;
    this.files.delete(old);
    this.files.set(name, file);
    this.told.file(name, file.bytes.slice(0, file.size));
    return 0;
  }
  path_unlink_file(fd, at, length) {
    const name = this.name(at, length);
    if (name === ".") return IS_FOLDER;
    return this.files.delete(name) ? 0 : NOTHING;
  }
  fd_readdir(fd, at, size, cookie, out) {
    const names = [...this.files.keys()];
    let done = 0;
    for (let i = Number(cookie); i < names.length && done < size; i++) {
      const name = new TextEncoder().encode(names[i]), entry = new Uint8Array(24 + name.length), view = new DataView(entry.buffer);
      view.setBigUint64(0, BigInt(i + 1), true);
      view.setUint32(16, name.length, true);
      view.setUint8(20, FILE);
      entry.set(name, 24);
      const part = entry.subarray(0, size - done); /* a cut entry is asked for again */
      this.bytes(at + done, part.length).set(part);
      done += part.length;
    }
    this.view.setUint32(out, done, true);
    return 0;
  }
}
