// Tells the server whether anybody can see this page: a tab in the background shows nothing.
export default {
  template: `<span hidden></span>`,
  emits: ["change"],
  mounted() {
    document.addEventListener("visibilitychange", this.tell);
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.tell);
  },
  methods: {
    // Also asked for by the server after each connection: what is said before one is lost.
    tell() {
      this.$emit("change", !document.hidden);
    },
  },
};
