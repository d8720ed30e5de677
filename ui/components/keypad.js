// Quantities for gloved fingers: one or more fields, and large keys that write into the chosen one.
// Values are decimal strings with a point, whatever the language shows.

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

export default {
  template: `
    <div class="u-keypad" tabindex="0" role="group" :aria-label="labels.keypad" @keydown="typed">
      <div class="u-keypad__fields">
        <button v-for="field in fields" :key="field.name" type="button" class="u-keypad__field"
                :class="{ 'u-keypad__field--chosen': field.name === chosen }" :aria-pressed="field.name === chosen"
                @click="chosen = field.name">
          <span class="u-keypad__label">{{ field.label }}</span>
          <span class="u-keypad__value" aria-live="polite">{{ shown(field.name) || "0" }}<small v-if="field.unit">{{ field.unit }}</small></span>
        </button>
        <slot></slot>
      </div>
      <div class="u-keypad__keys">
        <template v-for="digit in digits" :key="digit">
          <button type="button" class="u-key" :disabled="full" @click="press(digit)">{{ digit }}</button>
          <button v-if="digit === '3'" type="button" class="u-key u-key--quiet u-key--tall" :disabled="!value"
                  :aria-label="labels.backspace" @click="erase">
            <i class="material-icons notranslate" aria-hidden="true">backspace</i>
          </button>
          <button v-if="digit === '9'" type="button" class="u-key u-key--quiet u-key--tall" :disabled="!value"
                  @click="clear">{{ labels.clear }}</button>
        </template>
        <button type="button" class="u-key" :class="field.decimals ? 'u-key--wide' : 'u-key--widest'" :disabled="full"
                @click="press('0')">0</button>
        <button v-if="field.decimals" type="button" class="u-key" :disabled="value.includes('.')" @click="press('.')">{{ point }}</button>
      </div>
    </div>`,
  props: { fields: Array, initial: Object, labels: Object, lang: String },
  emits: ["change"],
  data() {
    return { digits: DIGITS, values: { ...this.initial }, chosen: this.fields[0].name };
  },
  computed: {
    field() {
      return this.fields.find((field) => field.name === this.chosen);
    },
    value() {
      return this.values[this.chosen] ?? "";
    },
    point() {
      return new Intl.NumberFormat(this.lang).formatToParts(1.1).find((part) => part.type === "decimal").value;
    },
    full() {
      const [whole, fraction] = this.value.split(".");
      return fraction === undefined ? whole.length >= this.field.max_digits : fraction.length >= this.field.decimals;
    },
  },
  methods: {
    shown(name) {
      const [whole, fraction] = (this.values[name] ?? "").split(".");
      const grouped = whole && new Intl.NumberFormat(this.lang).format(whole);
      return fraction === undefined ? grouped : `${grouped}${this.point}${fraction}`;
    },
    press(key) {
      if (key === "." ? this.value.includes(".") || !this.field.decimals : this.full) return;
      if (key === ".") this.write(`${this.value || "0"}.`);
      else this.write(this.value === "0" ? key : this.value + key);
    },
    erase() {
      this.write(this.value.slice(0, -1));
    },
    clear() {
      this.write("");
    },
    write(value) {
      this.values[this.chosen] = value;
      this.tell();
    },
    tell() {
      this.$emit("change", { name: this.chosen, value: this.value.replace(/\.$/, "") });
    },
    setValue(name, value) {
      this.values[name] = value;
    },
    choose(name) {
      this.chosen = name;
    },
    typed(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (/^[0-9]$/.test(event.key)) this.press(event.key);
      else if (event.key === "." || event.key === ",") this.press(".");
      else if (event.key === "Backspace") this.erase();
      else if (event.key === "Delete") this.clear();
      else return;
      event.preventDefault();
    },
  },
};
