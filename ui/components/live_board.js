// What every live board shares: one snapshot, the patches that follow it, and the proof that it is still true.
//
// The server puts this page's socket into `room` and sends four messages there:
//   unison:snapshot {room, seq, at, snapshot}  replaces everything
//   unison:patch    {room, seq, at, patch}     an RFC 7396 merge patch, the successor of seq - 1
//   unison:beat     {room, seq, at, source}    at least every second without a patch; source: live | database_down
// `at` is the server's clock in epoch milliseconds. A board that cannot prove it is current emits `resync`.

import { isProxy, reactive } from "vue";

const SILENCE_MS = 2500;
const RESYNC_EVERY_MS = 2000;
const RECONNECT_AFTER_MS = 15000;
const IGNORED_PATCHES_BEFORE_RESYNC = 3;

// One clock for the page. `ms` is the server's time, and changes once per second.
export const clock = reactive({ ms: Date.now() });
let offset_ms = null;
let ticking = 0;
let timer = null;
const listeners = new Set();

export function setServerTime(at) {
  const offset = at - Date.now();
  // A late message makes the server look slow, so the largest offset is the truest, until clocks have drifted.
  if (offset_ms === null || offset > offset_ms || offset_ms - offset > 1000) offset_ms = offset;
  updateClock();
}

function updateClock() {
  const now = Date.now() + (offset_ms ?? 0);
  if (Math.floor(now / 1000) !== Math.floor(clock.ms / 1000)) clock.ms = now;
}

function tick() {
  updateClock();
  for (const listener of [...listeners]) listener();
}

export function startTicking(listener) {
  listeners.add(listener);
  if (ticking++ === 0) {
    timer = setInterval(tick, 250);
    document.addEventListener("visibilitychange", tick);
  }
}

export function stopTicking(listener) {
  if (!listeners.delete(listener)) return;
  if (--ticking === 0) {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  }
}

// Monotonic time stands still while a computer sleeps and wall time can be set back: the longer silence counts.
export function moment() {
  return { wall: Date.now(), monotonic: performance.now() };
}

export function millisecondsSince(then) {
  return Math.max(Date.now() - then.wall, performance.now() - then.monotonic);
}

// NiceGUI creates `window.socket` after the first components are mounted.
export function whenSocket(use) {
  let waiting = null;
  const look = () => {
    if (!window.socket) waiting = setTimeout(look, 20);
    else use(window.socket);
  };
  look();
  return () => clearTimeout(waiting);
}

// NiceGUI reloads at once when its server no longer knows this page. A wall without a keyboard would then be stuck on
// the browser's error page if the server is not back yet, so reload only after something has answered.
export function reloadOnlyWhenServed(socket) {
  if (socket.unisonReloadGuard) return;
  socket.unisonReloadGuard = true;
  socket.off("connect_error");
  socket.on("connect_error", (error) => {
    if (error.message === "timeout") socket.io.opts.transports = ["polling", "websocket"];
    if (error.message === "Implicit handshake failed") reloadWhenServed();
  });
}

async function reloadWhenServed() {
  for (;;) {
    const response = await fetch(window.location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (response && response.status < 500) return window.location.reload();
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export function mergePatch(target, patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else if (!isObject(value)) target[key] = value;
    else if (isObject(target[key])) mergePatch(target[key], value);
    else target[key] = mergePatch({}, value);
  }
  return target;
}

// How this language and plant write numbers, times and durations; one writer for the whole page.
const writers = new Map();

export function writer(lang, zone) {
  const key = `${lang} ${zone}`;
  if (!writers.has(key)) writers.set(key, newWriter(lang, zone));
  return writers.get(key);
}

// A format costs a millisecond to make, so each is made when something is written in it.
const once = (make) => {
  let made;
  return (value) => (made ??= make()).format(value);
};

function newWriter(lang, zone) {
  const numbers = (options) => once(() => new Intl.NumberFormat(lang, options));
  const times = (options) => once(() => new Intl.DateTimeFormat(lang, { timeZone: zone, ...options }));
  // "3:05 AM", but "03:05" where a day has 24 hours, as the server writes it.
  const clockTimes = (options) =>
    once(() => {
      const { hourCycle } = new Intl.DateTimeFormat(lang, { hour: "numeric" }).resolvedOptions();
      const hour = hourCycle === "h23" ? "2-digit" : "numeric";
      return new Intl.DateTimeFormat(lang, { timeZone: zone, hour, minute: "2-digit", ...options });
    });
  const unit = (name) => numbers({ style: "unit", unit: name, unitDisplay: "narrow" });
  const days = unit("day");
  const hours = unit("hour");
  const two = (value) => String(value).padStart(2, "0");
  const inThisYear = clockTimes({ day: "numeric", month: "short" });
  const inAnyYear = clockTimes({ year: "numeric", day: "numeric", month: "short" });
  const year = times({ year: "numeric" });
  let hour;
  return {
    number: numbers({ maximumFractionDigits: 6 }),
    minutes: clockTimes({}),
    seconds: clockTimes({ second: "2-digit" }),
    // With the year where it is not the present one.
    dayAndMinutes: (at) => (year(at) === year(Date.now()) ? inThisYear : inAnyYear)(at),
    percent: numbers({ style: "percent", maximumFractionDigits: 0 }),
    // How far ahead or behind, always with its sign.
    signed: numbers({ maximumFractionDigits: 0, signDisplay: "exceptZero" }),
    // "14" or "2 PM", without the word for o'clock that some languages add.
    hour(at) {
      hour ??= new Intl.DateTimeFormat(lang, { timeZone: zone, hour: "numeric" });
      return hour
        .formatToParts(at)
        .filter((part) => part.type === "hour" || part.type === "dayPeriod")
        .map((part) => part.value)
        .join(" ");
    },
    elapsed(duration_ms) {
      const total_s = Math.max(0, Math.floor(duration_ms / 1000));
      const h = Math.floor(total_s / 3600);
      const min = Math.floor(total_s / 60) % 60;
      if (h >= 24) return `${days(Math.floor(h / 24))} ${hours(h % 24)}`;
      if (h > 0) return `${h}:${two(min)}:${two(total_s % 60)}`;
      return `${min}:${two(total_s % 60)}`;
    },
  };
}

// A running clock; `until` stops it (a machine whose time is not now).
export const Elapsed = {
  props: { since: Number, until: Number, write: Object },
  template: `<time class="u-elapsed" role="timer">{{ write.elapsed((until ?? clock.ms) - since) }}</time>`,
  setup: () => ({ clock }),
};

// Nobody is asked about a micro-stop; a stop without a reason that lasts longer asks everybody who looks.
export function asksForReason(machine) {
  return machine.asks_at !== undefined && (machine.as_of ?? clock.ms) >= machine.asks_at;
}

// The sentence above a board that cannot be trusted to show now.
export const BoardBanner = {
  props: { connection: String, dataAt: Number, labels: Object, write: Object },
  template: `
    <div v-if="connection !== 'live'" class="u-banner" :data-connection="connection" role="alert">
      <i class="material-icons notranslate" aria-hidden="true">{{ connection === 'lost' ? 'wifi_off' : 'cloud_off' }}</i>
      <span>{{ sentence }}</span>
    </div>`,
  computed: {
    sentence() {
      const old = clock.ms - this.dataAt > 20 * 3600 * 1000;
      const at = old ? this.write.dayAndMinutes(this.dataAt) : this.write.seconds(this.dataAt);
      return this.labels[this.connection].replace("{time}", at);
    },
  },
};

// "live", or how old the board is, always in view.
export const BoardAge = {
  props: { connection: String, dataAt: Number, labels: Object, write: Object },
  template: `
    <span class="u-age" :data-connection="connection">
      <span class="u-age__dot" aria-hidden="true"></span>
      <template v-if="connection === 'live'">{{ labels.live }}</template>
      <template v-else>{{ write.elapsed(clock.ms - dataAt) }}</template>
    </span>`,
  setup: () => ({ clock }),
};

export const liveBoard = {
  components: { UElapsed: Elapsed, UBanner: BoardBanner, UAge: BoardAge },
  props: {
    room: String,
    seq: Number,
    at: Number,
    snapshot: Object,
    labels: Object,
    lang: String,
    zone: String,
    icons: Object,
  },
  emits: ["resync"],
  data() {
    return {
      clock,
      board: JSON.parse(JSON.stringify(this.snapshot)),
      dataAt: this.at,
      source: "live",
      socketLost: false,
      silent: false,
    };
  },
  computed: {
    write() {
      return writer(this.lang, this.zone);
    },
    connection() {
      if (this.socketLost || this.silent) return "lost";
      return this.source === "live" ? "live" : "database_down";
    },
  },
  watch: {
    // NiceGUI resends the first props whenever it updates the element; only a newer board may replace ours.
    seq(seq) {
      if (seq > this.position.seq) this.takeSnapshot(this);
    },
  },
  created() {
    this.position = { seq: this.seq, confirmed: moment(), reconnected: moment(), ignored: 0, asking: null };
    setServerTime(this.at);
    this.heardSnapshot = (message) => message.room === this.room && this.takeSnapshot(message);
    this.heardPatch = (message) => message.room === this.room && this.takePatch(message);
    this.heardBeat = (message) => message.room === this.room && this.takeBeat(message);
    this.heardConnect = () => {
      this.socketLost = false;
      this.askForSnapshot({ soon: Math.random() * 500 });
    };
    this.heardDisconnect = () => (this.socketLost = true);
    this.watchSilence = () => this.checkSilence();
  },
  mounted() {
    startTicking(this.watchSilence);
    this.stopWaiting = whenSocket((socket) => {
      reloadOnlyWhenServed(socket);
      socket.on("unison:snapshot", this.heardSnapshot);
      socket.on("unison:patch", this.heardPatch);
      socket.on("unison:beat", this.heardBeat);
      socket.on("disconnect", this.heardDisconnect);
      // The first connection is not a reconnection: the page's own snapshot is fresh.
      if (socket.connected) socket.on("connect", this.heardConnect);
      else socket.once("connect", () => socket.on("connect", this.heardConnect));
    });
  },
  unmounted() {
    this.stopWaiting();
    stopTicking(this.watchSilence);
    clearTimeout(this.position.asking);
    window.socket?.off("unison:snapshot", this.heardSnapshot);
    window.socket?.off("unison:patch", this.heardPatch);
    window.socket?.off("unison:beat", this.heardBeat);
    window.socket?.off("disconnect", this.heardDisconnect);
    window.socket?.off("connect", this.heardConnect);
  },
  methods: {
    takeSnapshot({ seq, at, snapshot }) {
      clearTimeout(this.position.asking);
      this.position.asking = null;
      this.position.seq = seq;
      this.board = isProxy(snapshot) ? JSON.parse(JSON.stringify(snapshot)) : snapshot;
      this.confirm(at);
    },
    takePatch({ seq, at, patch }) {
      setServerTime(at);
      if (seq <= this.position.seq) {
        // Old patches may cross a snapshot on their way; a run of them means that the server counts anew.
        if (++this.position.ignored >= IGNORED_PATCHES_BEFORE_RESYNC) this.askForSnapshot();
      } else if (seq === this.position.seq + 1) {
        mergePatch(this.board, patch);
        this.position.seq = seq;
        this.confirm(at);
      } else this.askForSnapshot();
    },
    takeBeat({ seq, at, source }) {
      setServerTime(at);
      if (seq !== this.position.seq) return this.askForSnapshot();
      if (source === "live") return this.confirm(at);
      this.source = source;
      this.position.confirmed = moment();
      this.silent = false;
    },
    confirm(at) {
      setServerTime(at);
      this.position.ignored = 0;
      this.position.confirmed = moment();
      this.dataAt = at;
      this.source = "live";
      this.silent = false;
    },
    checkSilence() {
      const silence_ms = millisecondsSince(this.position.confirmed);
      if (silence_ms <= SILENCE_MS) return;
      this.silent = true;
      this.askForSnapshot({ soon: Math.random() * 500 });
      // A dead Wi-Fi link looks open for half a minute: hang up, so that socket.io dials again.
      if (silence_ms > RECONNECT_AFTER_MS && millisecondsSince(this.position.reconnected) > RECONNECT_AFTER_MS) {
        this.position.reconnected = moment();
        if (window.socket?.connected) window.socket.io.engine.close();
      }
    },
    // Ask once, and again every two seconds until a snapshot answers. `soon` spreads a crowd that lost the same link.
    askForSnapshot({ soon = 0 } = {}) {
      if (this.position.asking !== null) return;
      const ask = () => {
        if (window.socket?.connected) this.$emit("resync", { room: this.room, seq: this.position.seq });
        this.position.asking = setTimeout(ask, RESYNC_EVERY_MS);
      };
      this.position.asking = setTimeout(ask, soon);
    },
  },
};
