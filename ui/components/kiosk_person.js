// Whose name is on the next entry, large; leaves by itself when nobody touches the screen for a while.

const COUNTDOWN_S = 15;
const SIGNS_OF_LIFE = ["pointerdown", "keydown", "wheel", "touchstart"];

export default {
  template: `
    <div class="u-person" :data-leaving="remaining <= countdown">
      <i class="material-icons notranslate u-person__icon" aria-hidden="true">badge</i>
      <span class="u-person__name">{{ name }}</span>
      <span v-if="idle_s && remaining <= countdown" class="u-person__countdown" role="timer">
        <i class="material-icons notranslate" aria-hidden="true">timer</i>{{ labels.leaving.replace("{seconds}", remaining) }}
      </span>
      <button v-if="idle_s" type="button" class="u-person__switch" @click="leave">
        <i class="material-icons notranslate" aria-hidden="true">switch_account</i><span>{{ labels.switch }}</span>
      </button>
    </div>`,
  props: { name: String, idle_s: Number, labels: Object },
  emits: ["leave"],
  data() {
    return { countdown: COUNTDOWN_S, remaining: this.idle_s || Infinity };
  },
  created() {
    this.touched = performance.now();
    this.touch = () => {
      this.touched = performance.now();
      this.remaining = this.idle_s;
    };
    this.look = () => {
      this.remaining = Math.ceil(this.idle_s - (performance.now() - this.touched) / 1000);
      if (this.remaining <= 0) this.leave();
    };
  },
  mounted() {
    if (!this.idle_s) return;
    for (const name of SIGNS_OF_LIFE) window.addEventListener(name, this.touch, { capture: true, passive: true });
    this.timer = setInterval(this.look, 250);
  },
  unmounted() {
    this.stop();
  },
  methods: {
    stop() {
      for (const name of SIGNS_OF_LIFE) window.removeEventListener(name, this.touch, { capture: true });
      clearInterval(this.timer);
    },
    // Also without a server nobody goes on in this name.
    leave() {
      this.stop();
      this.remaining = this.idle_s;
      window.dispatchEvent(new CustomEvent("unison:left"));
      this.$emit("leave");
    },
  },
};
