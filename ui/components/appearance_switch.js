// Light or dark, remembered in this browser. The head script of ui/theme reads the same key before the first paint.

const KEY = "unison.appearance";

export default {
  template: `
    <button v-if="shown" type="button" class="u-icon-button" :aria-label="label" :title="label" @click="toggle">
      <i class="material-icons notranslate" aria-hidden="true">{{ dark ? "light_mode" : "dark_mode" }}</i>
    </button>`,
  props: { fallback: String, shown: Boolean, labels: Object },
  data() {
    const chosen = localStorage.getItem(KEY) ?? this.fallback;
    const dark = chosen === "auto" ? window.matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
    return { dark };
  },
  computed: {
    label() {
      return this.dark ? this.labels.to_light : this.labels.to_dark;
    },
  },
  mounted() {
    this.apply();
  },
  methods: {
    toggle() {
      this.dark = !this.dark;
      localStorage.setItem(KEY, this.dark ? "dark" : "light");
      this.apply();
    },
    apply() {
      document.documentElement.dataset.theme = this.dark ? "dark" : "light";
      setDark(this.dark);
    },
  },
};
