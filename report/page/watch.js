// The live page: what the campaign reports, as it comes from `harness/live/board.py`.
//
// A message holds the `campaign`, the `run` that is being made (null before the first), its
// `samples` that are new here (all of them if the run `is_new`), the runs that are `finished`, the
// time `left`, and, once all is `over`, in words what came of it, and whether it was `broken` off.
"use strict";
(() => {
  const { element, readPalette, short, status } = shared;
  const { Chart, charts } = figures;
  const ROWS = 15;
  const NOW = [["users", "active"], ["users planned", "planned"], ["requests per second", "requests"],
    ["p95, ms", "api_p95_ms"], ["errors per second", "errors"], ["stock left", "stock_left"],
    ["backlog", "backlog"]];
  const { figures: layout, looks } = JSON.parse(document.getElementById("layout").textContent);
  const at = (id) => document.getElementById(id);
  let samples = [];
  let latest = null;

  const named = (service) => (service === "load" ? "load generator" : service);
  const services = () => [...new Set(samples.flatMap((one) => Object.keys(one.cores)))].sort();

  /** Write only what has changed: what is read aloud is not to be read twice. */
  function say(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  // ---- words ----

  function sayCampaign({ campaign, run, left, over }) {
    const kept = campaign.kept ? ` · ${campaign.kept} runs kept from before` : "";
    say(at("campaign"), `${campaign.title} · ${campaign.workload} · ${campaign.folder}${kept}`);
    say(at("left"), over ? "" : left);
    if (!run) return;
    const what = `${run.variant}${run.case ? `, ${run.case}` : ""}`;
    say(at("run"), `Run ${run.index} of ${campaign.runs}: ${what}`);
    const stage = run.step === "load" ? ` · stage ${run.stage || "–"}` : "";
    say(at("step"), `Step ${run.step_number} of ${run.steps}: ${run.step}${stage}`);
    document.title = `${run.index}/${campaign.runs} ${what}: ${over ? "over" : run.step}`;
  }

  function sayNow(run) {
    const last = samples[samples.length - 1] ?? {};
    const time = latest.campaign.load_s ? ` of ${latest.campaign.load_s}` : "";
    const facts = [[`seconds${time}`, short(last.t_s && Math.round(last.t_s))],
      ...NOW.map(([name, column]) => [name, short(last[column])]),
      ["errors so far", short(run.errors)]];
    at("now").replaceChildren(...facts.map(([name, value]) => element("div", {},
      element("dt", {}, name), element("dd", {}, value))));
  }

  function sayFaults(run) {
    const end = (fault) => (fault.to_s === null ? "goes on" : `until ${fault.to_s.toFixed(1)} s`);
    at("faults").hidden = run.faults.length === 0;
    at("faults").querySelector("ul").replaceChildren(...run.faults.map((fault) => element("li", {},
      `${fault.from_s.toFixed(1)} s: ${fault.name}, ${fault.words}; ${end(fault)}`)));
  }

  function sayFinished({ finished }) {
    const place = at("finished"), known = finished.length > 0;
    place.querySelector(".lead").hidden = known;
    place.querySelector(".scroll").hidden = !known;
    const tone = { PASS: "pass", VALID: "pass", UNKNOWN: "unknown" };
    const verdict = (word) => element("td", { class: tone[word] ?? "fail" }, word);
    place.querySelector("tbody").replaceChildren(...finished.map((run) => element("tr", {},
      element("th", { scope: "row" }, String(run.index)),
      element("td", {}, run.variant + (run.case ? `, ${run.case}` : "")),
      element("td", { class: "num" }, short(run.sold)), verdict(run.audit), verdict(run.validity))));
  }

  function sayOver(words, broken) {
    at("over").hidden = false;
    at("over").classList.toggle("broken", broken);
    say(at("over"), words);
  }

  function tabulate() {
    if (!at("values").open) return;
    const columns = [["second", (one) => short(one.t_s)],
      ...NOW.map(([name, column]) => [name, (one) => short(one[column])]),
      ...services().map((name) => [named(name), (one) => short(one.cores[name])])];
    const row = (one) => element("tr", {}, ...columns.map(([, read], place) => (
      element(place ? "td" : "th", { class: "num", scope: place ? false : "row" }, read(one)))));
    at("values").querySelector("thead").replaceChildren(element("tr", {}, ...columns.map(([name]) => (
      element("th", { scope: "col", class: "num" }, name)))));
    at("values").querySelector("tbody").replaceChildren(...samples.slice(-ROWS).reverse().map(row));
  }

  // ---- charts ----

  /** The lines of a figure: its columns in the colour of the variant, or one for each service. */
  function linesOf(figure, run) {
    const variant = latest.campaign.variants.indexOf(run.variant);
    const trace = (label, place, second, read) => {
      const [colour, ...dashes] = looks[place % looks.length];
      return { read, trace: { label, variant: run.variant, colour, dash: dashes[second ? 1 : 0],
        shown: true, hatched: false, bridged: false, middle: [], runs: [] } };
    };
    if (figure.id === "cores") {
      return services().map((name, place) => (
        trace(named(name), place, place >= looks.length, (one) => one.cores[name])));
    }
    return figure.curves.map(({ column, label, second }) => (
      trace(label, variant, second, (one) => one[column])));
  }

  function draw(figure, position, run) {
    const place = at(`figure-${figure.id}`).querySelector(".live");
    const lines = linesOf(figure, run);
    const former = charts[position], key = lines.map((line) => line.trace.label).join();
    const last = samples.length > 0 ? samples[samples.length - 1].t_s : 0;
    const end = Math.max(latest.campaign.load_s ?? 10, last);
    if (place.dataset.run !== String(run.index) || place.dataset.lines !== key) {
      Object.assign(place.dataset, { run: run.index, lines: key });
      place.replaceChildren();
      former?.drawn?.destroy();
      charts[position] = new Chart(place, { unit: figure.unit, axis: "seconds", x: [], end,
        traces: lines.map((line) => line.trace), log: figure.log, steps: false,
        line_px: 2.2, y: null, bands: latest.campaign.stages, marks: [], levels: [] });
    }
    const chart = charts[position];
    chart.data.marks = run.faults.map(({ name, from_s, to_s }) => [from_s, to_s ?? last, name]);
    chart.feed(samples.map((one) => one.t_s), end,
      lines.map(({ read }) => samples.map((one) => read(one) ?? null)));
  }

  /** Nobody looks at a hidden page, and the CPU belongs to the measurement. */
  function show() {
    if (!latest || document.hidden) return;
    sayCampaign(latest);
    sayFinished(latest);
    if (!latest.run) return;
    sayNow(latest.run);
    sayFaults(latest.run);
    tabulate();
    layout.forEach((figure, position) => draw(figure, position, latest.run));
  }

  // ---- what comes ----

  function take(message) {
    latest = JSON.parse(message.data);
    if (latest.run) {
      samples = [...(latest.is_new ? [] : samples), ...latest.samples].slice(-latest.kept_samples);
    }
    show();
    if (!latest.over) return;
    events.close();
    sayOver(`The campaign is over. ${latest.over}`, latest.broken);
  }

  readPalette();
  document.body.append(status);
  themes.offer();
  at("values").addEventListener("toggle", tabulate);
  document.addEventListener("visibilitychange", show);
  const events = new EventSource("events");
  events.addEventListener("message", take);
  events.addEventListener("error", () => {
    events.close();
    sayOver("The harness is gone: this is the last that it sent.", true);
  });
})();
