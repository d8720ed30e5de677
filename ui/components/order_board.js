// The open orders of a plant as cards: by state, or by the work centre of their next step. A card is dragged with mouse
// or finger; it stays where it was put until the server has said yes, and goes back when it says no.

import { liveBoard } from "live_board";

const STATES = ["draft", "released", "in_progress", "on_hold", "completed"];
// What dragging a card from one state to another asks for; every other way is closed.
const ACTIONS = {
  draft: { released: "release" },
  released: { on_hold: "hold" },
  in_progress: { on_hold: "hold", completed: "complete" },
  on_hold: { released: "resume", in_progress: "resume" },
};
const SHOWN_AT_FIRST = 40;
const NO_CENTRE = "none";

// Two thousand orders are not copied for every change: each carries its own id.
const withId = (order, id) => {
  if (order.id === undefined) order.id = id;
  return order;
};
const urgency = (order) => [order.priority, order.due ?? Infinity, order.number];
// A longer number of a series is a later one; a collator would know more of it and costs as much as a column of cards.
const byNumber = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
const moreUrgent = (a, b) => {
  const [x, y] = [urgency(a), urgency(b)];
  return x[0] - y[0] || (x[1] === y[1] ? 0 : x[1] - y[1]) || byNumber(x[2], y[2]);
};

const OrderCard = {
  props: { order: Object, labels: Object, write: Object, waiting: Boolean, now: Number },
  template: `
    <article class="u-order" :data-id="order.id" :data-order-state="order.state" :class="{ 'u-order--waiting': waiting }">
      <span class="u-order__head">
        <a class="u-order__number" :href="'/orders/' + encodeURIComponent(order.number)" draggable="false">{{ order.number }}</a>
        <span v-if="order.priority < 500" class="u-order__mark"><i class="material-icons notranslate" aria-hidden="true">priority_high</i>{{ labels.urgent }}</span>
        <span v-if="waiting" class="u-order__mark"><i class="material-icons notranslate" aria-hidden="true">sync</i>{{ labels.saving }}</span>
      </span>
      <span class="u-order__material">{{ order.material }}<small v-if="order.description"> · {{ order.description }}</small></span>
      <span class="u-order__progress" role="img" :aria-label="progress">
        <span class="u-order__bar" :style="{ width: share + '%' }"></span>
      </span>
      <span class="u-order__facts">
        <span>{{ progress }}</span>
        <span v-if="order.due" class="u-order__due" :data-late="late">
          <i class="material-icons notranslate" aria-hidden="true">{{ late ? "alarm" : "event" }}</i>
          <template v-if="late">{{ labels.late }} · </template>{{ write.dayAndMinutes(order.due) }}
        </span>
      </span>
      <span v-if="step" class="u-order__step" :data-operation-state="step.state">
        <i class="material-icons notranslate" aria-hidden="true">{{ stepIcon }}</i>{{ step.name }}<small> · {{ step.place }}</small>
      </span>
      <span v-if="order.state === 'on_hold'" class="u-order__hold">
        <i class="material-icons notranslate" aria-hidden="true">pan_tool</i>{{ order.hold_reason || labels.on_hold }}
      </span>
      <details v-else-if="order.obstacles" class="u-order__why">
        <summary><i class="material-icons notranslate" aria-hidden="true">block</i>{{ labels.why_not }}</summary>
        <ul><li v-for="(obstacle, index) in order.obstacles" :key="index">{{ sentence(obstacle) }}</li></ul>
      </details>
    </article>`,
  computed: {
    share() {
      return Math.min(100, (100 * Number(this.order.good)) / Number(this.order.quantity));
    },
    progress() {
      return `${this.write.number(this.order.good)} / ${this.write.number(this.order.quantity)} ${this.order.unit}`;
    },
    late() {
      return this.order.due < this.now && this.order.state !== "completed";
    },
    step() {
      return this.order.step === undefined ? null : this.order.operations?.[this.order.step];
    },
    stepIcon() {
      return { running: "play_arrow", paused: "pause", ready: "radio_button_unchecked" }[this.step.state] ?? "schedule";
    },
  },
  methods: {
    // Names stand as they are; a state is one of our own words.
    sentence(obstacle) {
      return this.labels[`obstacle_${obstacle.kind}`]
        .replace("{name}", obstacle.name ?? "")
        .replace("{state}", this.labels[`word_${obstacle.state}`] ?? obstacle.state ?? "");
    },
  },
};

const OrderColumn = {
  components: { UOrderCard: OrderCard },
  props: { column: Object, labels: Object, write: Object, moves: Object, now: Number, canMove: Boolean },
  emits: ["dropped"],
  data: () => ({ shown: SHOWN_AT_FIRST }),
  template: `
    <section class="u-orders__column" :data-column="column.key">
      <header class="u-orders__head"><h2>{{ column.name }}</h2><span>{{ column.count ?? column.orders.length }}</span></header>
      <p v-if="!column.orders.length" class="u-orders__empty">{{ labels.no_orders_here }}</p>
      <div ref="list" class="u-orders__list" :data-column="column.key">
        <u-order-card v-for="order in column.orders.slice(0, shown)" :key="order.id" :order="order" :labels="labels"
          :write="write" :waiting="order.id in moves" :now="now" />
      </div>
      <button v-if="column.orders.length > shown" type="button" class="u-orders__more" @click="shown += SHOWN_AT_FIRST">
        {{ labels.show_more.replace("{count}", column.orders.length - shown) }}
      </button>
    </section>`,
  setup: () => ({ SHOWN_AT_FIRST }),
  async mounted() {
    if (!this.canMove) return;
    const { Sortable } = await import("nicegui-sortable");
    if (!this.$refs.list) return;
    this.sortable = Sortable.create(this.$refs.list, {
      group: "orders",
      draggable: ".u-order",
      animation: 150,
      delay: 250, // a finger that scrolls does not drag
      delayOnTouchOnly: true,
      touchStartThreshold: 6,
      forceFallback: true, // the same gesture for mouse, finger and pen
      fallbackTolerance: 5,
      ghostClass: "u-order--ghost",
      onEnd: (event) => {
        // Vue owns the list: put the node back where Vue thinks it is, and let the data move it.
        event.from.insertBefore(event.item, event.from.children[event.oldIndex + (event.from === event.to && event.oldIndex > event.newIndex ? 1 : 0)] ?? null);
        this.$emit("dropped", {
          id: event.item.dataset.id,
          from: event.from.dataset.column,
          to: event.to.dataset.column,
          index: event.newDraggableIndex,
        });
      },
    });
  },
  unmounted() {
    this.sortable?.destroy();
  },
};

export default {
  mixins: [liveBoard],
  components: { UOrderColumn: OrderColumn },
  props: { first: String, canMove: Boolean },
  emits: ["resync", "move"],
  data() {
    return { moves: {}, view: this.first, search: new URLSearchParams(location.search).get("q") ?? "" };
  },
  template: `
    <div class="u-board u-orders" :class="{ 'u-board--stale': connection !== 'live' }" :lang="lang">
      <u-banner :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
      <div class="u-orders__tools">
        <div class="u-orders__views" role="group">
          <button v-for="each in ['states', 'centres']" :key="each" type="button" :aria-pressed="view === each" @click="arrange(each)">
            {{ labels["view_" + each] }}
          </button>
        </div>
        <label class="u-orders__search">
          <i class="material-icons notranslate" aria-hidden="true">search</i>
          <input type="search" v-model="search" :placeholder="labels.search" :aria-label="labels.search" @input="remember" />
        </label>
        <u-age :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
      </div>
      <p v-if="!all.length" class="u-empty">
        <i class="material-icons notranslate" aria-hidden="true">assignment</i>
        <strong>{{ labels.empty_title }}</strong><span>{{ labels.empty_hint }}</span>
      </p>
      <div v-else class="u-orders__columns">
        <u-order-column v-for="column in columns" :key="column.key" :column="column" :labels="labels" :write="write"
          :moves="moves" :now="minute" :can-move="canMove" @dropped="take" />
      </div>
    </div>`,
  computed: {
    // Lateness changes with the minute; a card that is drawn again every second would cost two thousand times that.
    minute() {
      return Math.floor(this.clock.ms / 60000) * 60000;
    },
    all() {
      const moves = this.moves;
      return Object.entries(this.board.orders).map(([id, order]) => (id in moves ? { ...order, id, ...moves[id] } : withId(order, id)));
    },
    found() {
      const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
      if (!words.length) return this.all;
      return this.all.filter((order) => {
        const text = `${order.number} ${order.material} ${order.description ?? ""}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
    },
    columns() {
      const by_key = new Map(this.heads.map((head) => [head.key, { ...head, orders: [] }]));
      for (const order of this.found) by_key.get(this.keyOf(order))?.orders.push(order);
      for (const column of by_key.values()) column.orders.sort(moreUrgent);
      const columns = [...by_key.values()];
      return this.view === "centres" ? columns.filter((column) => column.key !== NO_CENTRE || column.orders.length) : columns;
    },
    heads() {
      if (this.view !== "centres") return STATES.map((state) => ({ key: state, name: this.labels[`state_${state}`], count: this.board.counts?.[state] }));
      const centres = Object.entries(this.board.centres).sort(([, a], [, b]) => a.order - b.order || a.code.localeCompare(b.code));
      const heads = centres.map(([key, centre]) => ({ key, name: centre.name }));
      return [...heads, { key: NO_CENTRE, name: this.labels.no_centre }];
    },
  },
  watch: {
    // The server's word replaces what was only put there.
    dataAt() {
      for (const [id, move] of Object.entries(this.moves)) {
        const order = this.board.orders[id];
        if (!order || Object.entries(move).every(([key, value]) => order[key] === value)) delete this.moves[id];
      }
    },
  },
  methods: {
    arrange(view) {
      this.view = view;
      this.remember();
    },
    // What is looked at stays in the address.
    remember() {
      const address = new URL(location.href);
      address.searchParams.set("view", this.view);
      if (this.search) address.searchParams.set("q", this.search);
      else address.searchParams.delete("q");
      history.replaceState(history.state, "", address);
    },
    keyOf(order) {
      if (this.view !== "centres") return order.state;
      if (!["released", "in_progress", "on_hold"].includes(order.state)) return null;
      return order.centre ?? NO_CENTRE;
    },
    take({ id, from, to, index }) {
      const order = this.all.find((each) => each.id === id);
      if (!order) return;
      const neighbours = this.columns.find((column) => column.key === to).orders.filter((each) => each.id !== id);
      if (this.view !== "centres" && from !== to) {
        const action = ACTIONS[order.state]?.[to];
        if (!action) return this.$emit("move", { id, action: "refused", to });
        if (action !== "hold") this.moves[id] = { state: to };
        return this.$emit("move", { id, action, version: order.version });
      }
      if (this.view === "centres" && from !== to) {
        if (to === NO_CENTRE || order.step === undefined) return this.$emit("move", { id, action: "refused", to });
        this.moves[id] = { centre: to };
        return this.$emit("move", { id, action: "assign", operation: order.operation, centre: to });
      }
      const priority = between(neighbours[index - 1], neighbours[index], order);
      if (priority === order.priority) return;
      if (priority === null) return this.$emit("move", { id, action: "no_place", to });
      this.moves[id] = { priority };
      this.$emit("move", { id, action: "priority", version: order.version, priority });
    },
    // Called by the server after a refusal.
    settle(id) {
      delete this.moves[id];
    },
  },
};

// The priority that puts an order between two others, nearest to its own; null where equals stand in order of their due
// dates and no whole number lies between.
function between(before, after, order) {
  const lowest = before?.priority ?? 1;
  const highest = after?.priority ?? 999;
  for (let distance = 0; distance < 999; distance++) {
    for (const priority of [order.priority - distance, order.priority + distance]) {
      if (priority < lowest || priority > highest) continue;
      const placed = { ...order, priority };
      if ((!before || moreUrgent(before, placed) < 0) && (!after || moreUrgent(placed, after) < 0)) return priority;
    }
  }
  return null;
}
