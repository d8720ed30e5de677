// How long something has lasted, counted in the browser by the server's clock.
import { clock, startTicking, stopTicking, writer } from "live_board";

export default {
  template: `<time v-if="since" class="u-elapsed">{{ write.elapsed(clock.ms - since) }}</time>`,
  props: { since: Number, lang: String },
  data: () => ({ clock, tick: () => {} }),
  computed: {
    write() {
      return writer(this.lang, "UTC");
    },
  },
  mounted() {
    startTicking(this.tick);
  },
  unmounted() {
    stopTicking(this.tick);
  },
};
