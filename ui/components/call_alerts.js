// The calls that wait for the reader in person: a banner on every page, and a sound for each that is new.
import { clock, startTicking, stopTicking, writer } from "live_board";

const HEARD = "unison.alerts.heard";
const SHOWN = 3;
const BEEPS = [
  { at_s: 0, frequency: 880 },
  { at_s: 0.22, frequency: 660 },
  { at_s: 0.44, frequency: 880 },
];
const BEEP_S = 0.16;

let audio = null;

async function beep() {
  audio ??= new AudioContext();
  if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((done) => setTimeout(done, 300))]);
  if (audio.state !== "running") return false;
  for (const { at_s, frequency } of BEEPS) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const start = audio.currentTime + at_s;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.4, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + BEEP_S);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + BEEP_S);
  }
  return true;
}

export default {
  template: `
    <div v-if="alerts.length" class="u-alerts" role="alert">
      <div v-for="alert in shown" :key="alert.id" class="u-alert" :data-severity="alert.severity">
        <i class="material-icons notranslate u-alert__icon" aria-hidden="true">{{ alert.icon }}</i>
        <a class="u-alert__text" href="/andon?show=me">
          <strong>{{ alert.title }}</strong>
          <small>{{ alert.text }}</small>
        </a>
        <time class="u-alert__clock">{{ write.elapsed(clock.ms - alert.since) }}</time>
        <button v-if="mayAnswer" type="button" class="u-alert__button" @click="$emit('acknowledge', alert.id)">
          {{ labels.acknowledge }}
        </button>
      </div>
      <a v-if="alerts.length > shown.length" class="u-alerts__more" href="/andon?show=me">
        {{ labels.more.replace("{count}", alerts.length - shown.length) }}
      </a>
      <button v-if="muted" type="button" class="u-alert__button u-alerts__sound" @click="turnOn">
        <i class="material-icons notranslate" aria-hidden="true">volume_off</i>{{ labels.sound }}
      </button>
    </div>`,
  props: { alerts: Array, labels: Object, lang: String, mayAnswer: Boolean },
  emits: ["acknowledge"],
  data: () => ({ clock, muted: false, tick: () => {} }),
  computed: {
    write() {
      return writer(this.lang, "UTC");
    },
    shown() {
      return this.alerts.slice(0, SHOWN);
    },
  },
  watch: {
    alerts: { handler: "sound", deep: true },
  },
  mounted() {
    startTicking(this.tick);
    this.sound();
  },
  unmounted() {
    stopTicking(this.tick);
  },
  methods: {
    // Each step sounds once in this browser, however many pages show it and however often they are opened.
    async sound() {
      const heard = new Set(JSON.parse(localStorage.getItem(HEARD) ?? "[]"));
      const loud = this.alerts.filter((alert) => alert.sound).map((alert) => `${alert.id}:${alert.step}`);
      const isNew = loud.some((key) => !heard.has(key));
      localStorage.setItem(HEARD, JSON.stringify(loud));
      if (isNew) this.muted = !(await beep());
      else if (!loud.length) this.muted = false;
    },
    async turnOn() {
      this.muted = !(await beep());
    },
  },
};
