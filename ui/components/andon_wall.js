// The Andon wall of one lane: what stands still and why, readable from six metres.

import { BrandBar } from "brand";
import { asksForReason, liveBoard, Elapsed } from "live_board";

const NEEDS_SOMEONE = ["unplanned_stop", "blocked", "starved"];
const COUNTED = [
  ["running", ["running"]],
  ["stopped", NEEDS_SOMEONE],
  ["setup", ["setup"]],
  ["maintenance", ["maintenance"]],
  ["planned_stop", ["planned_stop"]],
  ["idle", ["idle"]],
  ["no_data", ["no_data"]],
];
const SEVERITIES = ["minor", "major", "critical"];
// Planned cycle times leave no room for the losses of every shift: who is less than a fifth behind needs nobody.
const LATE_SHARE = 0.2;
const HOUR_MS = 3600 * 1000;
const HOURS = 12;
const LIST_BELOW_PX = 640;

// Ahead of the target so far, behind it, or on it: an icon and a sign, and colour only for what needs someone.
const Pace = {
  props: { pace: String, target: String, labels: Object, write: Object, named: Boolean },
  template: `
    <span class="u-pace" :data-pace="kind" :class="{ 'u-pace--late': late }" :title="labels['pace_' + kind]">
      <i class="material-icons notranslate" aria-hidden="true">{{ icon }}</i>
      <span>{{ write.signed(pace) }}</span><small v-if="named">{{ labels["pace_" + kind] }}</small>
      <span v-else class="u-sr-only">{{ labels["pace_" + kind] }}</span>
    </span>`,
  computed: {
    kind() {
      return Number(this.pace) < 0 ? "behind" : Number(this.pace) > 0 ? "ahead" : "even";
    },
    late() {
      return -Number(this.pace) > LATE_SHARE * Number(this.target);
    },
    icon() {
      return { behind: "trending_down", ahead: "trending_up", even: "trending_flat" }[this.kind];
    },
  },
};

const MachineTile = {
  components: { UElapsed: Elapsed, UPace: Pace },
  props: { machine: Object, figures: Object, calls: Array, labels: Object, icons: Object, write: Object },
  template: `
    <article class="u-tile" :data-state="machine.state" :class="{ 'u-tile--attention': unexplained }">
      <div class="u-tile__body">
        <div class="u-tile__top">
          <i class="u-tile__icon material-icons notranslate" aria-hidden="true">{{ icons.states[machine.state] }}</i>
          <span class="u-tile__code">{{ machine.code }}</span>
          <span v-if="calls.length" class="u-tile__call" :data-severity="calls[0].severity"
                :class="{ 'u-tile__call--raised': calls[0].state === 'raised' }"
                :title="labels[calls[0].category]">
            <i class="material-icons notranslate" aria-hidden="true">{{ icons.categories[calls[0].category] }}</i>
          </span>
          <u-elapsed v-if="machine.since" class="u-tile__elapsed" :since="machine.since" :until="machine.as_of" :write="write" />
        </div>
        <div class="u-tile__main">
          <span class="u-tile__headline" v-if="counting">
            {{ write.number(run.good) }}<small v-if="run.target"> / {{ write.number(run.target) }}</small>
          </span>
          <span class="u-tile__headline u-tile__headline--words" v-else>{{ headline }}</span>
          <span class="u-tile__sub">{{ subline }}</span>
        </div>
        <div class="u-tile__bar" v-if="run && run.target" aria-hidden="true">
          <span :style="{ width: share + '%' }"></span>
        </div>
        <div class="u-tile__foot">
          <span class="u-tile__state">
            <template v-if="counting || headline !== labels[machine.state]">{{ labels[machine.state] }}</template>
            <template v-if="run && run.test"> · {{ labels.test }}</template>
            <template v-if="run && run.paused"> · {{ labels.paused }}</template>
          </span>
          <span class="u-tile__as-of" v-if="machine.as_of">
            {{ labels.as_of.replace("{time}", write.dayAndMinutes(machine.as_of)) }}
          </span>
          <span class="u-tile__today" v-else>
            <u-pace v-if="figures?.pace" :pace="figures.pace" :target="figures.target" :labels="labels" :write="write" />
            <span v-if="figures?.oee" class="u-tile__oee"><small>{{ labels.oee }}</small> {{ write.percent(figures.oee) }}</span>
            <span v-else :title="labels.good_today">{{ labels.today }} {{ write.number(machine.good_today) }}</span>
            <span v-if="machine.scrap_today !== '0'" class="u-tile__scrap" :title="labels.scrap_today">
              <i class="material-icons notranslate" aria-hidden="true">delete_outline</i>{{ write.number(machine.scrap_today) }}
            </span>
          </span>
        </div>
      </div>
    </article>`,
  computed: {
    run() {
      return this.machine.run;
    },
    counting() {
      return this.machine.state === "running" && this.run;
    },
    unexplained() {
      return asksForReason(this.machine);
    },
    headline() {
      if (this.unexplained) return this.labels.no_reason;
      return this.machine.reason ?? this.labels[this.machine.state];
    },
    subline() {
      if (this.machine.detail && this.machine.state !== "running") return this.machine.detail;
      return this.run ? `${this.run.order} · ${this.run.part}` : this.machine.name;
    },
    share() {
      return Math.min(100, (100 * Number(this.run.good)) / Number(this.run.target));
    },
  },
};

const ShiftFigures = {
  components: { UPace: Pace },
  props: { shift: Object, labels: Object, write: Object },
  template: `
    <section class="u-wall-figures" :aria-label="labels.shift">
      <div class="u-wall-figure u-wall-figure--oee">
        <span class="u-wall-figure__name">{{ labels.oee }}</span>
        <strong class="u-wall-figure__value">{{ shift.oee ? write.percent(shift.oee) : "–" }}</strong>
        <span class="u-wall-figure__note">{{ shift.name ?? labels.around_the_clock }}<template v-if="shift.at"> · {{ write.minutes(shift.at) }}</template></span>
      </div>
      <div class="u-wall-figure">
        <span class="u-wall-figure__name">{{ labels.good_of_target }}</span>
        <strong class="u-wall-figure__value">{{ write.number(shift.good) }}<small v-if="shift.target"> / {{ write.number(shift.target) }}</small></strong>
        <u-pace v-if="shift.pace" class="u-wall-figure__note" :pace="shift.pace" :target="shift.target" :labels="labels" :write="write" named />
        <span v-else class="u-wall-figure__note">{{ labels.no_target }}</span>
      </div>
    </section>`,
};

const HourBars = {
  props: { hours: Object, targets: Object, now: Number, labels: Object, write: Object },
  template: `
    <section class="u-hours" :aria-label="labels.good_per_hour">
      <span class="u-hours__title">{{ labels.good_per_hour }}</span>
      <div class="u-hours__bars" role="list">
        <div v-for="bar in bars" :key="bar.start" class="u-hours__hour" role="listitem"
             :class="{ 'u-hours__hour--now': bar.current, 'u-hours__hour--short': bar.short }">
          <span class="u-hours__count">
            <span v-if="bar.good !== null || bar.target">{{ write.number(bar.good ?? 0) }}</span>
            <small v-if="bar.target">/ {{ write.number(bar.target) }}</small>
          </span>
          <svg class="u-hours__plot" viewBox="0 0 10 100" preserveAspectRatio="none" aria-hidden="true">
            <rect x="0" width="10" :y="100 - bar.height" :height="bar.height" class="u-hours__bar" />
            <rect x="0" width="10" y="98" height="2" class="u-hours__base" />
            <rect v-if="bar.target" x="0" width="10" :y="98 - bar.mark" height="4" class="u-hours__target" />
          </svg>
          <span class="u-hours__label">{{ write.hour(bar.start) }}</span>
        </div>
      </div>
    </section>`,
  computed: {
    bars() {
      const starts = Object.keys(this.hours).map(Number);
      // Plants whose zone is half an hour off begin their hours between ours.
      const shift = starts.length ? starts[0] % HOUR_MS : 0;
      const current = Math.floor((this.now - shift) / HOUR_MS) * HOUR_MS + shift;
      const shown = Array.from({ length: HOURS }, (_, i) => current - (HOURS - 1 - i) * HOUR_MS);
      const good = (start) => Number(this.hours[start]?.good ?? 0);
      const target = (start) => Number(this.targets[start] ?? 0);
      const most = Math.max(1, ...shown.map(good), ...shown.map(target));
      return shown.map((start) => ({
        start,
        current: start === current,
        good: this.hours[start]?.good ?? null,
        height: (100 * good(start)) / most,
        target: this.targets[start],
        mark: (98 * target(start)) / most,
        short: start !== current && good(start) < (1 - LATE_SHARE) * target(start),
      }));
    },
  },
};

export default {
  mixins: [liveBoard],
  components: { UBrandBar: BrandBar, UMachineTile: MachineTile, UHourBars: HourBars, UShiftFigures: ShiftFigures },
  template: `
    <div class="u-board u-andon" :class="{ 'u-board--stale': connection !== 'live', 'u-andon--list': list }" :lang="lang">
      <u-brand-bar />
      <header class="u-andon__head">
        <h1 class="u-andon__title">{{ board.lane.name }}<small>{{ board.lane.plant }}</small></h1>
        <ul class="u-counts" :aria-label="labels.machines">
          <li v-for="count in counts" :key="count.word" :data-state="count.state" class="u-count"
              :class="{ 'u-count--none': !count.number }">
            <i class="material-icons notranslate" aria-hidden="true">{{ icons.states[count.state] }}</i>
            <strong>{{ count.number }}</strong><span>{{ labels[count.word] }}</span>
          </li>
        </ul>
        <div class="u-andon__now">
          <time class="u-andon__clock">{{ write.minutes(clock.ms) }}</time>
          <u-age :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
        </div>
      </header>
      <u-banner :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
      <ul v-if="calls.length" class="u-calls" ref="calls" :aria-label="labels.calls" aria-live="polite">
        <li v-for="call in calls.slice(0, callsThatFit)" :key="call.id" class="u-call" :data-severity="call.severity"
            :data-call-state="call.state">
          <i class="u-call__icon material-icons notranslate" aria-hidden="true">{{ icons.categories[call.category] }}</i>
          <span class="u-call__text">
            <strong>{{ call.code }}</strong>
            <small>{{ call.words }}</small>
          </span>
          <u-elapsed class="u-call__elapsed" :since="call.raised_at" :write="write" />
        </li>
        <li v-if="calls.length > callsThatFit" class="u-call u-call--more">+{{ calls.length - callsThatFit }}</li>
      </ul>
      <main class="u-andon__grid" ref="grid" :style="gridStyle">
        <p v-if="!machines.length" class="u-empty">
          <i class="material-icons notranslate" aria-hidden="true">precision_manufacturing</i>
          <strong>{{ labels.empty_title }}</strong><span>{{ labels.empty_hint }}</span>
        </p>
        <u-machine-tile v-for="[id, machine] in machines" :key="id" :machine="machine" :figures="board.figures?.[id]"
          :calls="callsOf[id] ?? none" :labels="labels" :icons="icons" :write="write" />
      </main>
      <footer v-if="machines.length" class="u-andon__foot">
        <u-shift-figures v-if="board.shift" :shift="board.shift" :labels="labels" :write="write" />
        <u-hour-bars :hours="board.hours" :targets="board.targets ?? {}" :now="hoursNow" :labels="labels" :write="write" />
      </footer>
    </div>`,
  data() {
    return { size: { width: 1600, height: 800 }, list: false };
  },
  computed: {
    // The order is the floor's and never the state's: a machine stays where people look for it.
    machines() {
      return Object.entries(this.board.machines).sort(
        ([, a], [, b]) => a.order - b.order || a.code.localeCompare(b.code, undefined, { numeric: true }),
      );
    },
    counts() {
      const states = this.machines.map(([, machine]) => machine.state);
      return COUNTED.map(([word, members]) => ({
        word,
        state: word === "stopped" ? "unplanned_stop" : word,
        number: states.filter((state) => members.includes(state)).length,
      })).filter(({ word, number }) => number > 0 || word === "running" || word === "stopped");
    },
    calls() {
      return Object.entries(this.board.calls)
        .map(([id, call]) => ({
          id,
          ...call,
          code: this.board.machines[call.machine]?.code ?? "–",
          words: [this.labels[call.category], call.note, this.labels[call.state], call.by].filter(Boolean).join(" · "),
        }))
        .sort(
          (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || a.raised_at - b.raised_at,
        );
    },
    callsThatFit() {
      if (this.list) return 20;
      return Math.max(1, Math.floor((this.size.width - 70) / 280));
    },
    callsOf() {
      const grouped = {};
      for (const call of this.calls) (grouped[call.machine] ??= []).push(call);
      return grouped;
    },
    gridStyle() {
      return this.list ? {} : { "--u-columns": this.columns, "--u-rows": Math.ceil(this.machines.length / this.columns) };
    },
    // The number of columns that leaves the most readable tile; text needs about twice its height in width.
    columns() {
      const count = this.machines.length;
      let best = { columns: 1, scale: 0 };
      for (let columns = 1; columns <= count; columns++) {
        const width = this.size.width / columns;
        const height = this.size.height / Math.ceil(count / columns);
        const scale = Math.min(width / 1.9, height);
        if (scale > best.scale + 0.5) best = { columns, scale };
      }
      return best.columns;
    },
    hoursNow() {
      const replayed = this.machines.map(([, machine]) => machine.as_of);
      return replayed.length && replayed.every(Boolean) ? Math.max(...replayed) : this.clock.ms;
    },
  },
  created() {
    this.none = [];
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.grid);
    this.measure();
  },
  beforeUnmount() {
    this.observer.disconnect();
  },
  methods: {
    measure() {
      this.list = window.innerWidth < LIST_BELOW_PX;
      this.size = { width: this.$refs.grid.clientWidth, height: this.$refs.grid.clientHeight };
    },
  },
};
