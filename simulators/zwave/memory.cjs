// What the locks remember, in one JSON file: {node id: {state key: value}}.
"use strict";

const fs = require("node:fs");
const { Bytes } = require("@zwave-js/shared");

// Of all the state of a mock node only this is in a real lock's memory, and outlives the process.
const REMEMBERED = /^(UserCode_|UserCredential_|ScheduleEntryLock_|DoorLock_currentMode$|Battery_level$)/;

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const encode = (_key, value) => (value instanceof Uint8Array ? { hex: hex(value) } : value);
const decode = (_key, value) => (typeof value?.hex === "string" ? Bytes.from(value.hex, "hex") : value);

/** A mock node's state that tells when something worth remembering has changed. */
class State extends Map {
  constructor(entries, onChange) {
    super(entries);
    this.onChange = onChange;
  }

  set(key, value) {
    super.set(key, value);
    if (REMEMBERED.test(key)) this.onChange?.(); // absent while Map's constructor fills it
    return this;
  }

  delete(key) {
    const existed = super.delete(key);
    if (existed && REMEMBERED.test(key)) this.onChange();
    return existed;
  }
}

class Memory {
  #file;
  #states = new Map();
  #saving = false;

  /** Without a file memory lasts as long as the process. */
  constructor(file) {
    this.#file = file;
  }

  /** The state of lock `id`, as the file tells; `initial` fills what it does not tell. */
  recall(id, initial) {
    const entries = Object.entries({ ...initial, ...this.#read(decode)[id] });
    const state = new State(entries, () => this.#changed());
    this.#states.set(id, state);
    return state;
  }

  #read(reviver) {
    if (!this.#file || !fs.existsSync(this.#file)) return {};
    return JSON.parse(fs.readFileSync(this.#file, "utf8"), reviver);
  }

  // Changes of one moment become one write, done before any answer can leave the lock.
  #changed() {
    if (!this.#file || this.#saving) return;
    this.#saving = true;
    queueMicrotask(() => {
      this.#saving = false;
      this.#save();
    });
  }

  // Locks that do not exist in this run keep their place in the file.
  #save() {
    const current = Object.fromEntries([...this.#states].map(([id, state]) => [
      id,
      Object.fromEntries([...state].filter(([key]) => REMEMBERED.test(key))),
    ]));
    const draft = `${this.#file}.${process.pid}.tmp`;
    fs.writeFileSync(draft, JSON.stringify({ ...this.#read(), ...current }, encode, 1), { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}

module.exports = { Memory };
