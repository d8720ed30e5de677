// The plant at a glance: every lane and machine, what is being lost now, who is calling, and which orders are at risk.

import { asksForReason, liveBoard, Elapsed } from "live_board";

const LOSING = ["unplanned_stop", "blocked", "starved"];
const SEVERITIES = ["minor", "major", "critical"];
const inOrder = (a, b) => a.order - b.order || a.code.localeCompare(b.code, undefined, { numeric: true });
const rows = (keyed) => Object.entries(keyed).map(([id, row]) => ({ id, row }));

const RISK_ICONS = { late: "alarm", on_hold: "pan_tool", draft: "edit_note", short: "hourglass_bottom" };
// Whoever may not work at the terminal sees the machine in the shift of its lane.
const machineAddress = (machine_code, lane_code, hasTerminals) =>
  hasTerminals ? "/terminal/" + encodeURIComponent(machine_code) : "/shift/" + encodeURIComponent(lane_code);

const LaneCard = {
  props: { hasTerminals: Boolean, lane: Object, labels: Object, icons: Object, write: Object },
  template: `
    <section class="u-lane">
      <header class="u-lane__head">
        <h2 class="u-lane__title">
          <a :href="'/wall/andon/' + encodeURIComponent(lane.code)">{{ lane.name }}
            <i class="material-icons notranslate" aria-hidden="true">chevron_right</i></a>
        </h2>
        <span class="u-lane__facts">
          <span>{{ labels.running_of.replace("{running}", running).replace("{all}", machines.length) }}</span>
          <span>{{ labels.good_today }} <strong>{{ write.number(lane.good_today) }}</strong></span>
          <span v-if="lane.scrap_today !== '0'">{{ labels.scrap_today }} <strong>{{ write.number(lane.scrap_today) }}</strong></span>
        </span>
      </header>
      <p v-if="!machines.length" class="u-lane__empty">{{ labels.no_machines }}</p>
      <div class="u-lane__machines">
        <a v-for="{ id, row } in machines" :key="id" class="u-chip" :data-state="row.state"
           :href="machineAddress(row.code, lane.code, hasTerminals)">
          <i class="material-icons notranslate" aria-hidden="true">{{ icons.states[row.state] }}</i>
          <span class="u-chip__text">
            <strong>{{ row.code }}</strong>
            <small v-if="row.as_of" :title="labels.as_of.replace('{time}', write.dayAndMinutes(row.as_of))">{{ write.dayAndMinutes(row.as_of) }}</small>
            <small v-else>{{ row.reason ?? labels[row.state] }}</small>
          </span>
        </a>
      </div>
    </section>`,
  setup: () => ({ machineAddress }),
  computed: {
    machines() {
      return rows(this.lane.machines).sort((a, b) => inOrder(a.row, b.row));
    },
    running() {
      return this.machines.filter(({ row }) => row.state === "running").length;
    },
  },
};

export default {
  mixins: [liveBoard],
  props: { hasTerminals: Boolean },
  components: { ULaneCard: LaneCard, UElapsed: Elapsed },
  template: `
    <div class="u-board u-plant" :class="{ 'u-board--stale': connection !== 'live' }" :lang="lang">
      <header class="u-plant__head">
        <h1 class="u-plant__title">{{ board.plant.name }}</h1>
        <u-age :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
      </header>
      <u-banner :connection="connection" :data-at="dataAt" :labels="labels" :write="write" />
      <div class="u-plant__columns">
        <div class="u-plant__lanes">
          <p v-if="!lanes.length" class="u-empty">
            <i class="material-icons notranslate" aria-hidden="true">factory</i>
            <strong>{{ labels.empty_title }}</strong><span>{{ labels.empty_hint }}</span>
          </p>
          <u-lane-card v-for="{ id, row } in lanes" :key="id" :lane="row" :has-terminals="hasTerminals" :labels="labels" :icons="icons" :write="write" />
        </div>
        <aside class="u-plant__side">
          <section class="u-panel">
            <h2 class="u-panel__title">{{ labels.losses }}<span v-if="losses.length" class="u-panel__count">{{ losses.length }}</span></h2>
            <p v-if="!losses.length" class="u-panel__calm">{{ labels.no_losses }}</p>
            <a v-for="loss in losses" :key="loss.id" class="u-loss" :data-state="loss.state"
               :class="{ 'u-loss--attention': loss.unexplained }" :href="machineAddress(loss.code, loss.lane_code, hasTerminals)">
              <i class="u-loss__icon material-icons notranslate" aria-hidden="true">{{ icons.states[loss.state] }}</i>
              <span class="u-loss__text"><strong>{{ loss.words }}</strong><small>{{ loss.code }} · {{ loss.lane }}</small></span>
              <u-elapsed v-if="loss.since" class="u-loss__elapsed" :since="loss.since" :until="loss.as_of" :write="write" />
            </a>
          </section>
          <section class="u-panel">
            <h2 class="u-panel__title">{{ labels.calls }}<span v-if="calls.length" class="u-panel__count">{{ calls.length }}</span></h2>
            <p v-if="!calls.length" class="u-panel__calm">{{ labels.no_calls }}</p>
            <div v-for="call in calls" :key="call.id" class="u-loss" :data-severity="call.severity">
              <i class="u-loss__icon material-icons notranslate" aria-hidden="true">{{ icons.categories[call.category] }}</i>
              <span class="u-loss__text"><strong>{{ call.title }}</strong><small>{{ call.words }}</small></span>
              <u-elapsed class="u-loss__elapsed" :since="call.raised_at" :write="write" />
            </div>
          </section>
          <section v-if="board.risks" class="u-panel">
            <h2 class="u-panel__title">{{ labels.risks }}<span v-if="board.risk_count" class="u-panel__count">{{ board.risk_count }}</span></h2>
            <p v-if="!risks.length" class="u-panel__calm">{{ labels.no_risks }}</p>
            <a v-for="order in risks" :key="order.id" class="u-loss" :data-severity="order.why === 'late' ? 'major' : 'minor'"
               :href="'/orders/' + encodeURIComponent(order.number)">
              <i class="u-loss__icon material-icons notranslate" aria-hidden="true">{{ RISK_ICONS[order.why] }}</i>
              <span class="u-loss__text">
                <strong>{{ order.number }} · {{ labels["risk_" + order.why] }}</strong>
                <small>{{ labels.due.replace("{time}", write.dayAndMinutes(order.due)) }} · {{ order.material }}</small>
              </span>
              <span class="u-loss__left">{{ write.number(order.remaining) }} {{ order.unit }}</span>
            </a>
            <a v-if="board.risk_count > risks.length" class="u-panel__calm" href="/orders">{{ labels.more_risks.replace("{count}", board.risk_count - risks.length) }}</a>
          </section>
        </aside>
      </div>
    </div>`,
  setup: () => ({ machineAddress, RISK_ICONS }),
  computed: {
    risks() {
      return rows(this.board.risks ?? {})
        .map(({ id, row }) => ({ id, ...row }))
        .sort((a, b) => a.due - b.due || a.number.localeCompare(b.number));
    },
    lanes() {
      return rows(this.board.lanes).sort((a, b) => inOrder(a.row, b.row));
    },
    losses() {
      return this.lanes
        .flatMap(({ row: lane }) =>
          Object.entries(lane.machines).map(([id, machine]) => ({
            id,
            ...machine,
            lane: lane.name,
            lane_code: lane.code,
            unexplained: asksForReason(machine),
            words: machine.reason ?? (asksForReason(machine) ? this.labels.no_reason : this.labels[machine.state]),
            // A replayed machine has lost up to its own time, not up to ours.
            began: machine.since + (machine.as_of ? this.dataAt - machine.as_of : 0),
          })),
        )
        .filter(({ state }) => LOSING.includes(state))
        .sort((a, b) => a.began - b.began);
    },
    calls() {
      return Object.entries(this.board.calls)
        .map(([id, call]) => {
          const lane = this.board.lanes[call.lane];
          const code = lane?.machines[call.machine]?.code ?? "–";
          return {
            id,
            ...call,
            title: `${code} · ${this.labels[call.category]}`,
            words: [this.labels[call.state], call.by, call.note, lane?.name].filter(Boolean).join(" · "),
          };
        })
        .sort(
          (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || a.raised_at - b.raised_at,
        );
    },
  },
};
