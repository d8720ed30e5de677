// The time in the plant, by the server's clock.

import { clock, startTicking, stopTicking, writer } from "live_board";

export default {
  template: `<time class="u-plant-clock">{{ write.minutes(clock.ms) }}</time>`,
  props: { lang: String, zone: String },
  data() {
    return { clock };
  },
  computed: {
    write() {
      return writer(this.lang, this.zone);
    },
  },
  created() {
    this.tick = () => {};
  },
  mounted() {
    startTicking(this.tick);
  },
  unmounted() {
    stopTicking(this.tick);
  },
};
