// Reports that wait in this browser until the server has booked them. Each is written down before it is sent, is sent
// again until there is an answer, and goes away only when the server has it: its client key books it once.

import { reactive } from "vue";

const DATABASE = "unison-reports";
const STORE = "reports";
const BOOK = "/api/v1/production-logs/";
const KEEP = "/session/keep";
const TIMEOUT_MS = 10000;
const SOONEST_MS = 1000;
const LATEST_MS = 30000;
const SAVED_SHOWN_MS = 6000;
const AT_ONCE_S = 1;
// A page's own clock runs evenly, whatever somebody does to the time of day; it counts from when the page was loaded.
const PAGE = crypto.randomUUID?.() ?? String(Math.random());

export const outbox = reactive({ entries: [], isKept: true });

let account = null;
let lang = "en";
let sending = null;
let waitMs = SOONEST_MS;
let timer = null;

const database = new Promise((resolve) => {
  const open = indexedDB.open(DATABASE, 1);
  open.onupgradeneeded = () => open.result.createObjectStore(STORE, { keyPath: "client_key" });
  open.onsuccess = () => resolve(open.result);
  open.onerror = () => {
    outbox.isKept = false; // a browser that keeps nothing: reports live as long as the page
    resolve(null);
  };
});

async function inStore(mode, act) {
  const db = await database;
  if (!db) return undefined;
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, mode, { durability: "strict" });
    const request = act(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

function plain(entry) {
  return JSON.parse(JSON.stringify(entry));
}

async function keep(entry) {
  try {
    await inStore("readwrite", (store) => store.put(plain(entry)));
  } catch {
    outbox.isKept = false;
  }
}

// UUIDs of version 7 also where the page came by plain HTTP and the browser has no randomUUID.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  for (let place = 0; place < 6; place++) bytes[place] = Math.floor(now / 2 ** (8 * (5 - place))) % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// Begin to send what was reported through this sign-in; what came through others waits until they are back.
export async function startSending(options) {
  account = options.account;
  lang = options.lang;
  const kept = (await inStore("readonly", (store) => store.getAll()).catch(() => null)) ?? [];
  const known = new Set(outbox.entries.map((entry) => entry.client_key));
  outbox.entries.push(...kept.filter((entry) => entry.account === account && !known.has(entry.client_key)));
  outbox.entries.sort((a, b) => a.made_ms - b.made_ms);
  send();
}

// `report` holds machine_id, body (what is booked), words (what is shown), who and token.
export async function add(report) {
  const made = Date.now();
  outbox.entries.push({
    ...report, account, client_key: newKey(), state: "pending", detail: "",
    made_ms: made, made_at: new Date(made).toISOString(), page: PAGE, page_ms: performance.now(),
  });
  const entry = outbox.entries[outbox.entries.length - 1];
  await keep(entry);
  waitMs = SOONEST_MS;
  send();
}

export async function forget(entry) {
  outbox.entries = outbox.entries.filter((other) => other.client_key !== entry.client_key);
  await inStore("readwrite", (store) => store.delete(entry.client_key)).catch(() => null);
}

export function send() {
  clearTimeout(timer);
  sending ??= sendAll().finally(() => {
    sending = null;
    if (outbox.entries.some((entry) => entry.state === "pending")) {
      timer = setTimeout(send, waitMs);
      waitMs = Math.min(2 * waitMs, LATEST_MS);
    } else {
      waitMs = SOONEST_MS;
    }
  });
}

async function sendAll() {
  for (const entry of [...outbox.entries]) {
    if (entry.state === "pending" && !(await sendOne(entry))) return;
  }
}

function ago(entry) {
  const passed = entry.page === PAGE ? performance.now() - entry.page_ms : Date.now() - entry.made_ms;
  return Math.max(0, passed / 1000);
}

// Returns whether the next one may be sent.
async function sendOne(entry) {
  let answer;
  try {
    answer = await post(entry);
    if (answer.status === 401 && (await fetchIn(KEEP, { method: "POST" })).ok) answer = await post(entry);
  } catch {
    return false; // nobody heard it, or its answer was lost: the same key goes out again
  }
  if (answer.status === 200 || answer.status === 201) {
    await saved(entry);
    return true;
  }
  if (answer.status >= 500 || [401, 408, 425, 429].includes(answer.status)) return false;
  const problem = await answer.json().catch(() => ({}));
  entry.state = "refused";
  entry.detail = problem.errors?.map((error) => error.detail).join(" ") || problem.detail || String(answer.status);
  await keep(entry);
  return true;
}

function post(entry) {
  const passed = ago(entry);
  const body = {
    ...entry.body, machine_id: entry.machine_id, client_key: entry.client_key, device_at: entry.made_at,
    ...(passed > AT_ONCE_S ? { made_ago_s: passed.toFixed(3) } : {}),
  };
  const headers = { "Content-Type": "application/json", "Accept-Language": lang };
  if (entry.token) headers["Operator-Token"] = entry.token;
  return fetchIn(BOOK, { method: "POST", headers, body: JSON.stringify(body) });
}

async function fetchIn(path, options) {
  const patience = new AbortController();
  const stop = setTimeout(() => patience.abort(), TIMEOUT_MS);
  try {
    return await fetch(path, { ...options, signal: patience.signal, credentials: "same-origin" });
  } finally {
    clearTimeout(stop);
  }
}

async function saved(entry) {
  entry.state = "saved";
  await inStore("readwrite", (store) => store.delete(entry.client_key)).catch(() => null);
  setTimeout(() => {
    outbox.entries = outbox.entries.filter((other) => other.client_key !== entry.client_key);
  }, SAVED_SHOWN_MS);
}

window.addEventListener("online", () => {
  waitMs = SOONEST_MS;
  send();
});
