// One-tap reports that need no server to answer: keypad, reasons and the Book button, and what became of each report.

import Keypad from "keypad";
import { add, forget, outbox, startSending } from "report_outbox";
import { writer } from "live_board";

const DOUBLE_TAP_MS = 400;

export default {
  components: { Keypad },
  template: `
    <div class="u-report" :data-mode="mode">
      <div v-if="operations.length > 1" class="u-report__operations" role="group" :aria-label="labels.operation">
        <button v-for="one in operations" :key="one.id" type="button" class="u-choose" :aria-pressed="one.id === operation?.id"
                @click="chosen = one.id">{{ one.label }}</button>
      </div>
      <div class="u-report__line">
        <div v-if="complaint" class="u-report__complaint" role="alert">
          <i class="material-icons notranslate" aria-hidden="true">info</i>{{ complaint }}
        </div>
        <template v-else>
          <span v-if="operations.length === 1" class="u-report__on">{{ operation.label }}</span>
          <span v-if="entries.length" class="u-report__newest" :data-state="entries[0].state" aria-hidden="true">
            <i class="material-icons notranslate">{{ icons[entries[0].state] }}</i>
            <strong>{{ entries[0].words }}</strong><span>{{ labels[entries[0].state] }}</span>
          </span>
        </template>
      </div>
      <keypad ref="keypad" :key="mode" :fields="fields" :initial="initial" :labels="labels" :lang="numbers" @change="type">
        <div v-if="mode === 'counter'" class="u-report__difference" aria-live="polite">
          <span class="u-keypad__label">{{ labels.difference }}</span>
          <strong class="u-keypad__value">{{ difference === null ? "–" : shown(difference) }}</strong>
        </div>
      </keypad>
      <button v-if="mode === 'counter' && (wentBack || wasReset)" type="button" class="u-choose" :aria-pressed="wasReset"
              @click="wasReset = !wasReset">{{ labels.was_reset }}</button>
      <div v-if="needsReason" class="u-report__reasons" role="group" :aria-label="labels.reason">
        <button v-for="one in reasons" :key="one.id" type="button" class="u-choose" :aria-pressed="one.id === reason"
                @click="reason = one.id === reason ? null : one.id">{{ one.label }}</button>
      </div>
      <button type="button" class="u-report__book" :disabled="locked" @click="book">
        <i class="material-icons notranslate" aria-hidden="true">done</i>{{ labels.book }}
      </button>
      <ul class="u-outbox" aria-live="polite">
        <li v-for="entry in entries" :key="entry.client_key" class="u-outbox__entry" :data-state="entry.state">
          <i class="material-icons notranslate" aria-hidden="true">{{ icons[entry.state] }}</i>
          <span class="u-outbox__what"><strong>{{ entry.words }}</strong><small>{{ made(entry) }}</small></span>
          <span class="u-outbox__state">{{ labels[entry.state] }}</span>
          <p v-if="entry.state === 'refused'" class="u-outbox__detail">{{ entry.detail }}</p>
          <span v-if="entry.state === 'refused'" class="u-outbox__actions">
            <button type="button" class="u-choose" @click="correct(entry)">{{ labels.correct }}</button>
            <button type="button" class="u-choose" @click="dismiss(entry)">{{ labels.dismiss }}</button>
          </span>
        </li>
      </ul>
      <p v-if="!outbox.isKept" class="u-report__complaint" role="alert">{{ labels.not_kept }}</p>
    </div>`,
  props: {
    machine: Object, operations: Array, mode: String, reading: String, reasons: Array, who: Object, account: String, device: String, labels: Object, lang: String, numbers: String, zone: String,
  },
  data() {
    return {
      outbox,
      values: {},
      offered: "",
      typedReading: null, // where the counter stood when it was last read here, until the server knows better
      reason: null,
      wasReset: false,
      chosen: null,
      complaint: "",
      locked: false,
      bookedAt: -DOUBLE_TAP_MS,
      icons: { pending: "cloud_upload", saved: "cloud_done", refused: "report" },
    };
  },
  computed: {
    fields() {
      const field = (name) => ({ name, label: this.labels[name], unit: "", max_digits: 9, decimals: 0 });
      if (this.mode === "counter") return [field("end_reading"), field("start_reading"), field("scrap")];
      if (this.mode === "machine") return [field("scrap")];
      return [field("good"), field("scrap")];
    },
    initial() {
      return this.mode === "counter" ? { start_reading: this.lastReading } : {};
    },
    pending() {
      return this.outbox.entries.filter((one) => one.state === "pending" && one.machine_id === this.machine.id && one.body.end_reading);
    },
    refused() {
      return this.outbox.entries.filter((one) => one.state === "refused" && one.machine_id === this.machine.id).length;
    },
    // What still waits to be booked here comes after all that the server has.
    lastReading() {
      return this.pending.at(-1)?.body.end_reading ?? this.typedReading ?? this.reading ?? "";
    },
    needsReason() {
      return this.reasons.length > 0;
    },
    operation() {
      return this.operations.find((one) => one.id === this.chosen) ?? this.operations[0];
    },
    difference() {
      const { start_reading: start, end_reading: end } = this.values;
      if (!start || !end) return null;
      if (this.wasReset) return Number(end);
      const made = Number(end) - Number(start);
      return made >= 0 || !this.machine.modulus ? made : made + Number(this.machine.modulus);
    },
    wentBack() {
      return this.difference !== null && this.difference < 0;
    },
    entries() {
      return this.outbox.entries.slice(-6).reverse();
    },
  },
  watch: {
    mode() {
      this.begin();
    },
    reading() {
      if (!this.pending.length) this.typedReading = null;
    },
    refused() {
      this.typedReading = null;
    },
    lastReading(reading) {
      if (this.mode === "counter" && (this.values.start_reading ?? "") === this.offered) this.write("start_reading", reading);
      this.offered = reading;
    },
  },
  created() {
    this.begin();
    this.leave = () => (this.locked = true);
    startSending({ account: this.account, lang: this.lang });
  },
  mounted() {
    window.addEventListener("unison:left", this.leave);
  },
  unmounted() {
    window.removeEventListener("unison:left", this.leave);
  },
  methods: {
    begin() {
      this.offered = this.lastReading;
      this.values = { ...this.initial };
    },
    shown(number) {
      return new Intl.NumberFormat(this.numbers).format(number);
    },
    type({ name, value }) {
      this.values[name] = value;
      this.complaint = "";
      this.bookedAt = -DOUBLE_TAP_MS; // whoever has typed since means another report
    },
    write(name, value) {
      this.values[name] = value;
      this.$refs.keypad?.setValue(name, value);
    },
    book() {
      if (performance.now() - this.bookedAt < DOUBLE_TAP_MS) return;
      const body = this.mode === "counter" ? this.readings() : this.pieces();
      if (!body) return;
      this.bookedAt = performance.now();
      if (this.operation) body.operation_id = this.operation.id;
      add({
        machine_id: this.machine.id, machine_code: this.machine.code, body: { ...body, device: this.device },
        words: this.words(body), who: this.who.name, token: this.who.token, mode: this.mode,
      });
      this.clear();
    },
    pieces() {
      const good = this.values.good || "0";
      const scrap = this.values.scrap || "0";
      if (!Number(good) && !Number(scrap)) return this.complain("nothing");
      if (Number(scrap) && !this.reason) return this.complain("no_reason");
      return { good, scrap, ...(Number(scrap) ? { scrap_reason_id: this.reason } : {}) };
    },
    readings() {
      const { start_reading, end_reading } = this.values;
      if (!start_reading || !end_reading) return this.complain("no_reading");
      if (this.wentBack) return this.complain("backwards");
      if (this.difference === 0) return this.complain("nothing");
      const scrap = this.values.scrap || "0";
      if (Number(scrap) && !this.reason) return this.complain("no_reason");
      this.typedReading = end_reading;
      return { start_reading, end_reading, was_reset: this.wasReset, ...(Number(scrap) ? { scrap, scrap_reason_id: this.reason } : {}) };
    },
    complain(why) {
      this.complaint = this.labels[why];
      return null;
    },
    words(body) {
      const made = this.mode === "counter" ? this.difference - Number(body.scrap ?? 0) : Number(body.good);
      const good = made && this.labels.count_good.replace("{count}", this.shown(made));
      const reason = this.reasons.find((one) => one.id === body.scrap_reason_id)?.label;
      const scrap = Number(body.scrap ?? 0) && `${this.shown(Number(body.scrap))} ${reason}`;
      return [good, scrap].filter(Boolean).join(" · ");
    },
    clear() {
      this.complaint = "";
      this.reason = null;
      this.wasReset = false;
      this.offered = this.lastReading;
      for (const field of this.fields) this.write(field.name, field.name === "start_reading" ? this.offered : "");
      this.$refs.keypad?.choose(this.fields[0].name);
    },
    made(entry) {
      const place = entry.machine_id === this.machine.id ? "" : `${entry.machine_code} · `;
      return `${place}${writer(this.lang, this.zone).seconds(entry.made_ms)} · ${entry.who}`;
    },
    async correct(entry) {
      await forget(entry);
      for (const field of this.fields) this.write(field.name, Number(entry.body[field.name]) ? entry.body[field.name] : "");
      this.reason = entry.body.scrap_reason_id ?? null;
      this.wasReset = entry.body.was_reset ?? false;
      this.complaint = entry.detail;
      this.bookedAt = -DOUBLE_TAP_MS;
    },
    dismiss: forget,
  },
};
