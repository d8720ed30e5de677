// A scanner types like a keyboard, only faster than anybody: characters in a burst that ends with Enter are a scan,
// wherever on the page. Slower keys go on to whatever they were meant for.

const LONGEST_GAP_MS = 100;
const SHORTEST_SCAN = 4;
const FIELDS = "input, textarea, select, [contenteditable]";

export default {
  template: "<span hidden></span>",
  emits: ["scan"],
  created() {
    this.burst = [];
    this.hear = (event) => {
      if (!event.isTrusted || event.target.closest?.(FIELDS)) return;
      if (event.key === "Enter") this.enter(event);
      else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey) this.take(event);
    };
  },
  mounted() {
    window.addEventListener("keydown", this.hear, true);
  },
  unmounted() {
    window.removeEventListener("keydown", this.hear, true);
    clearTimeout(this.timer);
  },
  methods: {
    take(event) {
      event.preventDefault();
      event.stopPropagation();
      this.burst.push({ key: event.key, target: event.target });
      clearTimeout(this.timer);
      this.timer = setTimeout(this.release, LONGEST_GAP_MS);
    },
    enter(event) {
      clearTimeout(this.timer);
      if (this.burst.length < SHORTEST_SCAN) {
        this.release();
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      const value = this.burst.map(({ key }) => key).join("");
      this.burst = [];
      this.$emit("scan", { value });
    },
    release() {
      for (const { key, target } of this.burst.splice(0)) {
        target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      }
    },
  },
};
