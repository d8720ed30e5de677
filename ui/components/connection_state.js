// The chip in the frame that says whether what this page shows can still change: live, or since when not.

import { clock, millisecondsSince, moment, reloadOnlyWhenServed, setServerTime, startTicking, stopTicking, whenSocket, writer } from "live_board";

const SILENCE_MS = 2500;
const REGULAR_MS = 1500;
const SIGNS_OF_LIFE = ["unison:status", "unison:beat", "unison:patch", "unison:snapshot"];

export default {
  template: `
    <span class="u-connection" :data-connection="connection" role="status">
      <i class="material-icons notranslate" aria-hidden="true">{{ icon }}</i>
      <span class="u-connection__words">{{ words }}</span>
    </span>`,
  props: { labels: Object, lang: String, zone: String },
  data() {
    return { lost: false, source: "live", lastAt: clock.ms };
  },
  computed: {
    connection() {
      if (this.lost) return "lost";
      return this.source === "live" ? "live" : "database_down";
    },
    icon() {
      return { live: "wifi", lost: "wifi_off", database_down: "cloud_off" }[this.connection];
    },
    words() {
      return this.labels[this.connection].replace("{time}", writer(this.lang, this.zone).seconds(this.lastAt));
    },
  },
  created() {
    // Silence means something only where messages come every second: a page without a board hears status changes only.
    this.heard = null;
    this.regular = false;
    this.hear = ({ at, source, patch, snapshot }) => {
      if (this.heard && millisecondsSince(this.heard) < REGULAR_MS) this.regular = true;
      this.heard = moment();
      this.lost = false;
      if (source) this.source = source;
      else if (patch || snapshot) this.source = "live";
      if (at) setServerTime(at);
      this.lastAt = at ?? clock.ms;
    };
    this.lose = () => (this.lost = true);
    this.regain = () => {
      this.heard = null;
      this.regular = false;
      this.lost = false;
      this.lastAt = clock.ms;
    };
    this.checkSilence = () => {
      if (this.regular) this.lost ||= millisecondsSince(this.heard) > SILENCE_MS;
      else if (!this.lost) this.lastAt = clock.ms;
    };
  },
  mounted() {
    startTicking(this.checkSilence);
    window.addEventListener("offline", this.lose);
    this.stopWaiting = whenSocket((socket) => {
      reloadOnlyWhenServed(socket);
      for (const name of SIGNS_OF_LIFE) socket.on(name, this.hear);
      socket.on("disconnect", this.lose);
      socket.on("connect", this.regain);
    });
  },
  unmounted() {
    this.stopWaiting();
    stopTicking(this.checkSilence);
    window.removeEventListener("offline", this.lose);
    for (const name of SIGNS_OF_LIFE) window.socket?.off(name, this.hear);
    window.socket?.off("disconnect", this.lose);
    window.socket?.off("connect", this.regain);
  },
};
