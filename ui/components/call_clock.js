// How long a call has lasted, beside its target; says by itself when the target is over.
import { clock, startTicking, stopTicking, writer } from "live_board";

export default {
  template: `
    <span class="u-call-clock" :data-missed="missed">
      <time class="u-call-clock__time">{{ write.elapsed(elapsed) }}</time>
      <span v-if="target" class="u-call-clock__target">
        <i class="material-icons notranslate" aria-hidden="true">{{ missed ? "timer_off" : "timer" }}</i>
        <span>{{ words }}</span>
      </span>
    </span>`,
  props: { since: Number, until: Number, target: Number, labels: Object, lang: String },
  data: () => ({ clock, tick: () => {} }),
  computed: {
    write() {
      return writer(this.lang, "UTC");
    },
    elapsed() {
      return (this.until ?? this.clock.ms) - this.since;
    },
    missed() {
      return this.target !== null && this.elapsed > this.target * 1000;
    },
    words() {
      return this.labels[this.missed ? "missed" : "target"].replace("{time}", this.write.elapsed(this.target * 1000));
    },
  },
  mounted() {
    startTicking(this.tick);
  },
  unmounted() {
    stopTicking(this.tick);
  },
};
