// Large keys for a PIN, shown as dots; it leaves the browser only when the person says that it is complete.

import { startSending } from "report_outbox";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "erase", "0", "enter"];

export default {
  template: `
    <div class="u-pin" role="group" :aria-label="labels.pin">
      <output class="u-pin__dots" :aria-label="labels.pin"><span v-for="place in longest" :key="place" :data-filled="place <= pin.length"></span></output>
      <div class="u-pin__keys">
        <button v-for="key in keys" :key="key" type="button" class="u-key" :class="{ 'u-key--quiet': key === 'erase', 'u-pin__enter': key === 'enter' }"
                :disabled="key === 'erase' ? !pin : key === 'enter' && pin.length < shortest" :aria-label="labels[key]" @click="press(key)">
          <i v-if="icons[key]" class="material-icons notranslate" aria-hidden="true">{{ icons[key] }}</i><template v-else>{{ key }}</template>
        </button>
      </div>
    </div>`,
  props: { shortest: Number, longest: Number, labels: Object, account: String, lang: String },
  emits: ["pin"],
  data() {
    return { keys: KEYS, icons: { erase: "backspace", enter: "arrow_forward" }, pin: "" };
  },
  created() {
    this.type = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (/^[0-9]$/.test(event.key)) this.press(event.key);
      else if (event.key === "Backspace") this.press("erase");
      else if (event.key === "Enter" && event.target === document.body) this.press("enter");
    };
    startSending({ account: this.account, lang: this.lang }); // what waits is sent also while nobody stands here
  },
  mounted() {
    window.addEventListener("keydown", this.type);
  },
  unmounted() {
    window.removeEventListener("keydown", this.type);
  },
  methods: {
    press(key) {
      if (key === "erase") this.pin = this.pin.slice(0, -1);
      else if (key === "enter") this.enter();
      else if (this.pin.length < this.longest) this.pin += key;
    },
    enter() {
      if (this.pin.length < this.shortest) return;
      this.$emit("pin", { value: this.pin });
      this.pin = "";
    },
  },
};
