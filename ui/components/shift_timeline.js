// Every minute of a shift, a row per machine. Stops that ask for a reason pulse until somebody gives it.
import { clock, setServerTime, startTicking, stopTicking, writer } from "live_board";

const SMALLEST_TARGET_PX = 24;

export default {
  props: { shift: Object, labels: Object, lang: String, zone: String, icons: Object, canExplain: Boolean },
  template: `
    <div v-if="shift" class="u-time">
      <p v-if="!shift.machines.length" class="u-muted">{{ labels.no_machines }}</p>
      <template v-else>
      <ul class="u-time__legend">
        <li v-for="cause in causes" :key="cause" :data-cause="cause">
          <i class="material-icons notranslate" aria-hidden="true">{{ icons[cause] }}</i>{{ labels[cause] }}
        </li>
      </ul>
      <div class="u-time__scroll">
        <div class="u-time__rows" :style="{ '--hours': Math.max(1, (shift.to - shift.from_) / 3600000) }">
          <div class="u-time__axis" aria-hidden="true">
            <span v-for="tick in ticks" :key="tick.at" :style="{ left: tick.left }">{{ tick.label }}</span>
          </div>
          <section v-for="machine in shift.machines" :key="machine.id" class="u-time__machine" :aria-label="machine.code">
            <header>
              <strong>{{ machine.code }}</strong><span class="u-muted">{{ machine.name }}</span>
              <span class="u-time__oee">{{ labels.oee }} {{ machine.oee }}</span>
            </header>
            <div class="u-time__track">
              <span v-for="(rest, n) in shift.breaks" :key="'b' + n" class="u-time__rest" :style="place(rest[0], rest[1])"></span>
              <component v-for="part in machine.parts" :key="part.from_ + part.cause" :is="tappable(part) ? 'button' : 'span'"
                class="u-time__part" :type="tappable(part) ? 'button' : null" :data-cause="part.cause"
                :class="{ 'u-time__part--asks': part.cause === 'unexplained' }"
                :style="place(part.from_, end(part))" :aria-label="words(part)" :title="words(part)" :role="tappable(part) ? null : 'img'"
                @click="tappable(part) && $emit('stop', part.stop)">
                <i v-if="isWide(part)" class="material-icons notranslate" aria-hidden="true">{{ icons[part.cause] }}</i>
              </component>
              <span v-if="isNow" class="u-time__now" :style="{ left: left(nowAt) }"></span>
            </div>
            <div class="u-time__hours">
              <span v-for="hour in machine.hours" :key="hour.from_" class="u-time__hour" :style="place(hour.from_, hour.to)"
                :data-behind="hour.is_behind || null" :title="hourWords(hour)" :aria-label="hourWords(hour)" role="img">
                <i v-if="hour.is_behind" class="material-icons notranslate" aria-hidden="true">arrow_downward</i><b>{{ hour.good }}</b><small v-if="hour.target">/{{ hour.target }}</small>
              </span>
            </div>
          </section>
        </div>
      </div>
      </template>
    </div>`,
  data: () => ({ clock, tick: () => {} }),
  computed: {
    write() {
      return writer(this.lang, this.zone);
    },
    causes() {
      const used = new Set(this.shift.machines.flatMap((machine) => machine.parts.map((part) => part.cause)));
      return Object.keys(this.icons).filter((cause) => used.has(cause));
    },
    nowAt() {
      return Math.min(this.shift.to, Math.max(this.shift.now, this.clock.ms));
    },
    isNow() {
      return this.shift.now > this.shift.from_ && this.shift.now < this.shift.to;
    },
    ticks() {
      const hour = 3600000;
      const every = this.shift.to - this.shift.from_ > 14 * hour ? 2 * hour : hour;
      const ticks = [];
      for (let at = Math.ceil(this.shift.from_ / hour) * hour; at < this.shift.to; at += every)
        ticks.push({ at, left: this.left(at), label: this.write.hour(at) });
      return ticks;
    },
  },
  watch: {
    shift: {
      immediate: true,
      handler(shift) {
        if (shift) setServerTime(shift.now);
      },
    },
  },
  methods: {
    left(at) {
      return `${(100 * (at - this.shift.from_)) / (this.shift.to - this.shift.from_)}%`;
    },
    place(from, to) {
      return { left: this.left(from), width: `${(100 * (to - from)) / (this.shift.to - this.shift.from_)}%` };
    },
    end(part) {
      return part.going_on ? this.nowAt : part.to;
    },
    tappable(part) {
      return this.canExplain && Boolean(part.stop);
    },
    isWide(part) {
      return (this.end(part) - part.from_) / (this.shift.to - this.shift.from_) > SMALLEST_TARGET_PX / 900;
    },
    words(part) {
      const what = part.reason ? `${this.labels[part.cause]}: ${part.reason}` : this.labels[part.cause];
      const words = this.tappable(part) ? this.labels.explain : this.labels.part;
      return words
        .replace("{what}", what)
        .replace("{from}", this.write.minutes(part.from_))
        .replace("{to}", this.write.minutes(this.end(part)));
    },
    hourWords(hour) {
      const words = hour.target ? this.labels.hour : this.labels.hour_without_target;
      return words.replace("{good}", hour.good).replace("{target}", hour.target);
    },
  },
  mounted() {
    startTicking(this.tick);
  },
  unmounted() {
    stopTicking(this.tick);
  },
};
