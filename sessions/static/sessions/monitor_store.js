// What was written down on this phone, kept in it until it has been taken: no reload loses an entry.
// The numbers are IndexedDB's own, so that two tabs never use one twice; the phone's id lives and dies with
// them. Where a browser keeps nothing, memory stands in, under an id of its own.

const KEPT = 200;

export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

class Kept {
  constructor(database) {
    this.database = database;
    this.lasts = true;
  }

  async read(name) {
    return done(this.database.transaction("facts").objectStore("facts").get(name));
  }

  async write(name, value) {
    const transaction = this.database.transaction("facts", "readwrite");
    transaction.objectStore("facts").put(value, name);
    await committed(transaction);
  }

  async entries() {
    return done(this.database.transaction("entries").objectStore("entries").getAll());
  }

  // Resolves once the entry is on the disk.
  async add(entry) {
    const transaction = this.database.transaction("entries", "readwrite", { durability: "strict" });
    const added = done(transaction.objectStore("entries").add(entry));
    await committed(transaction);
    return { ...entry, seq: await added };
  }

  async change(entry) {
    const transaction = this.database.transaction("entries", "readwrite");
    transaction.objectStore("entries").put(entry);
    await committed(transaction);
  }

  // The same entry under a number that was never used.
  async renumber(entry) {
    const transaction = this.database.transaction("entries", "readwrite");
    const { seq, ...same } = entry;
    transaction.objectStore("entries").delete(seq);
    transaction.objectStore("entries").add(same);
    await committed(transaction);
  }

  // What was sent is forgotten with its session, and beyond a length; what was not is never.
  async forgetOld(session) {
    const sent = (await this.entries()).filter((entry) => entry.state === "sent");
    const over = sent.filter((entry, index) => (entry.session && entry.session !== session) || index < sent.length - KEPT);
    if (!over.length) return;
    const transaction = this.database.transaction("entries", "readwrite");
    over.forEach((entry) => transaction.objectStore("entries").delete(entry.seq));
    await committed(transaction);
  }
}

class InMemory {
  constructor() {
    this.facts = new Map([["client", uuid()], ["device", randomKey()]]);
    this.rows = new Map();
    this.last = 0;
    this.lasts = false;
  }

  async read(name) {
    return this.facts.get(name);
  }

  async write(name, value) {
    this.facts.set(name, value);
  }

  async entries() {
    return [...this.rows.values()];
  }

  async add(entry) {
    this.last += 1;
    const row = { ...entry, seq: this.last };
    this.rows.set(row.seq, row);
    return row;
  }

  async change(entry) {
    this.rows.set(entry.seq, entry);
  }

  async renumber(entry) {
    this.rows.delete(entry.seq);
    await this.add(entry);
  }

  async forgetOld() {}
}

export async function openStore() {
  try {
    const request = indexedDB.open("monitor", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("entries", { keyPath: "seq", autoIncrement: true });
      const facts = request.result.createObjectStore("facts");
      facts.put(uuid(), "client");
      facts.put(randomKey(), "device");
    };
    const database = await done(request);
    navigator.storage?.persist?.().catch(() => {});
    return new Kept(database);
  } catch {
    return new InMemory();
  }
}
