"use strict";
// Works from file://. Text of strangers is only ever set as text, never as markup.
(() => {
  const cells = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const choices = ["area", "client", "server", "text"];
  const panel = $("detail");
  const main = $("main");
  let open = null;
  let opener = null;

  // An element. `attributes` are set as attributes, strings among the children become text.
  const h = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
  };

  // ---- filters; the state is in the address, so that it can be sent to somebody

  const haystack = cells.map((cell) => [
    cell.key, cell.scenario, cell.title, cell.verdict[0], cell.reason, cell.client, cell.server,
    ...cell.params.map(([name, value]) => `${name}=${value}`),
    ...cell.measurements.map(([name, value]) => `${name} ${value}`),
    ...cell.checks.map((check) => `${check.id} ${check.message}`),
  ].join("\n").toLowerCase());

  const filter = () => ({
    verdicts: all(".verdict[aria-pressed=true]").map((button) => button.dataset.verdict),
    ...Object.fromEntries(choices.map((name) => [name, $(name).value])),
  });

  const matches = (index, wanted) => {
    const cell = cells[index];
    return (wanted.verdicts.length === 0 || wanted.verdicts.includes(cell.verdict[0]))
      && (!wanted.area || cell.area === wanted.area)
      && (!wanted.client || cell.client === wanted.client)
      && (!wanted.server || cell.server === wanted.server)
      && wanted.text.toLowerCase().split(/\s+/).every((word) => haystack[index].includes(word));
  };

  const apply = () => {
    const wanted = filter();
    const hits = cells.map((_, index) => matches(index, wanted));
    const any = wanted.verdicts.length > 0 || choices.some((name) => wanted[name]);
    const columns = new Set();
    for (const row of all("#matrix .row")) {
      let shown = false;
      [...row.children].forEach((place, column) => {
        const button = place.querySelector(".cell");
        if (!button) return;
        const hit = hits[button.dataset.cell];
        button.classList.toggle("faded", !hit);
        if (hit) { shown = true; columns.add(column); }
      });
      row.hidden = !shown;
    }
    for (const body of all("#matrix tbody")) body.hidden = !body.querySelector(".row:not([hidden])");
    for (const row of all("#matrix thead tr, #matrix .row")) {
      [...row.children].forEach((place, column) => { place.hidden = column > 0 && !columns.has(column); });
    }
    for (const button of all(".attention .open")) button.closest("tr").hidden = !hits[button.dataset.cell];
    const count = hits.filter(Boolean).length;
    $("shown").textContent = any ? `${count} of ${cells.length} cells` : "";
  };

  const save = () => {
    const wanted = filter();
    const state = new URLSearchParams();
    if (wanted.verdicts.length) state.set("verdict", wanted.verdicts.join(","));
    for (const name of choices) if (wanted[name]) state.set(name, wanted[name]);
    if (open !== null) state.set("cell", cells[open].key);
    history.replaceState(null, "", state.toString() ? `#${state}` : location.pathname + location.search);
  };

  const load = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    const verdicts = (state.get("verdict") || "").split(",");
    for (const button of all(".verdict")) {
      button.setAttribute("aria-pressed", String(verdicts.includes(button.dataset.verdict)));
    }
    for (const name of choices) $(name).value = state.get(name) || "";
    apply();
    const index = cells.findIndex((cell) => cell.key === state.get("cell"));
    if (index >= 0) show(index); else close();
  };

  const changed = () => { apply(); save(); };

  // ---- the detail of a cell

  const seconds = (us) => (us / 1e6).toFixed(3);
  const verdict = ([name, symbol, tone]) =>
    h("span", { class: `t-${tone}` }, h("span", { class: "symbol", "aria-hidden": "true" }, symbol), ` ${name}`);
  const section = (title, ...content) => [h("h3", {}, title), ...content.flat(Infinity)];
  const table = (rows) => h("table", { class: "pairs" }, h("tbody", {}, rows.map(([name, ...value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, ...value)))));

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = h("textarea", { style: "position:fixed;opacity:0" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };

  const facts = (cell) => {
    const rows = cell.params.map(([name, value]) => [name, h("code", {}, value)]);
    rows.push(...cell.measurements.map(([name, value]) => [name, h("code", {}, value)]));
    if (cell.suspect) rows.push(["suspect", h("strong", {}, cell.suspect.who), `, ${cell.suspect.confidence} confidence: `, h("bdi", {}, cell.suspect.because)]);
    if (cell.repeats) rows.push(["repeats", ...cell.repeats.flatMap((repeat, index) => [index ? ", " : "", verdict(repeat)])]);
    rows.push(["duration", h("code", {}, cell.duration)]);
    return table(rows);
  };

  const checks = (cell) => cell.checks.length === 0 ? [] : section("Checks",
    h("table", { class: "checks" }, h("tbody", {}, cell.checks.map((check) => h("tr", {},
      h("td", {}, verdict(check.verdict)), h("td", {}, h("code", {}, check.id)), h("td", {}, h("bdi", {}, check.message)))))));

  const share = (part, total) => `${Math.min(100, 100 * part / total)}%`;

  const placed = (element, left, width) => {
    element.style.left = left;
    if (width) element.style.width = width;
    return element;
  };

  const bar = (time) => {
    const total = time.total || 1;
    const rows = time.tracks.flatMap((track) => {
      const spans = track.spans.map(([from, to, text]) => placed(
        h("span", { class: `span ${track.kind}`, title: `${seconds(from)} s to ${seconds(to)} s: ${text}` }, text),
        share(from, total), share(Math.max(0, to - from), total)));
      let last = null;
      const marks = track.marks.map(([at, text, tone]) => {
        const repeated = last === text;
        last = text;
        const label = repeated || track.kind !== "transport" ? "" : text;
        return placed(h("span", { class: `mark m-${tone}`, title: `${seconds(at)} s: ${text}` }, label), share(at, total * 1.004));
      });
      return [h("div", { class: "name", title: track.name }, track.name), h("div", { class: "track" }, spans, marks)];
    });
    const scale = h("div", { class: "scale" }, [0, 0.25, 0.5, 0.75, 1].map((part) =>
      placed(h("span", {}, `${(part * total / 1e6).toFixed(total < 2e7 ? 1 : 0)} s`), `${100 * part}%`)));
    return h("div", { class: "time", role: "img", "aria-label": `time line of ${seconds(time.total)} s; the events below say the same` },
      rows, h("div", {}), scale);
  };

  const often = (count, until) => count === 1 ? null : h("span", { class: "soft" }, ` ${count} times, until ${seconds(until)}`);

  const events = (rows) => h("table", { class: "events" }, h("tbody", {}, rows.map(([at, step, tone, text, count, until]) =>
    h("tr", { class: `e-${tone}` },
      h("td", { class: "at" }, seconds(at)),
      h("td", { class: "step", title: "step" }, step === null ? "" : String(step + 1)),
      h("td", {}, h("bdi", {}, text), often(count, until))))));

  const FEW = 20;
  const timeline = (time) => {
    if (time.events.length === 0) return [];
    const rest = time.events.slice(FEW);
    return section("Time line", bar(time), events(time.events.slice(0, FEW)),
      rest.length === 0 ? null : h("details", {}, h("summary", {}, `${rest.length} later events`), events(rest)),
      time.cut ? h("p", { class: "note" }, `${time.cut}; all are in events.jsonl.`) : null);
  };

  const changes = (node) => h("table", { class: "changes" }, h("tbody", {}, node.changes.map(([what, sign, text]) =>
    h("tr", {}, h("td", { class: sign === "+" ? "sign-new" : "sign-gone" }, sign === "+" ? "+ " : "− ", h("bdi", {}, text)), h("td", { class: "soft" }, what)))));

  const snapshots = (comparisons) => comparisons.flatMap((comparison) => section(
    `Snapshot: ${comparison.title}`,
    comparison.nodes.length === 0 ? h("p", { class: "note" }, comparison.equal_wanted ? "no difference, as it should be" : "no difference") : null,
    comparison.nodes.map((node) => [h("p", {}, h("code", {}, node.name)), changes(node)]),
    comparison.cut ? h("p", { class: "note" }, comparison.cut) : null));

  const logs = (list, unfold) => list.length === 0 ? [] : section("Logs", ...list.map((log) =>
    h("details", { open: unfold }, h("summary", {}, h("code", {}, log.name), h("span", { class: "soft" }, ` ${log.note}`)),
      h("pre", { tabindex: "0" }, log.text), h("a", { href: log.href }, "whole file"))));

  const files = (evidence) => section("Files", table([
    ["bundle", h("a", { href: `${evidence.folder}/` }, evidence.folder)],
    ...evidence.files.map((file) => [h("a", { href: file.href }, file.name), h("code", {}, file.size)])]));

  const again = (cell) => {
    if (!cell.reproduce) return [];
    const button = h("button", { type: "button", class: "copy", click: () => copy(cell.reproduce, button) }, "copy");
    const words = cell.reproduce.split(" ").flatMap((word) => [h("span", { class: "word" }, word), " "]);
    return section("Run again", h("div", { class: "command" }, h("code", {}, words), button));
  };

  const show = (index) => {
    const cell = cells[index];
    const evidence = cell.evidence;
    const wrong = !["good", "quiet"].includes(cell.verdict[2]);
    open = index;
    panel.replaceChildren(...[
      h("div", { class: "bar" },
        h("button", { type: "button", click: () => step(-1), "aria-label": "previous cell" }, "previous"),
        h("button", { type: "button", click: () => step(1), "aria-label": "next cell" }, "next"),
        h("button", { type: "button", click: () => { close(); save(); }, "aria-label": "close the detail" }, "close")),
      h("h2", { id: "detail-title" }, cell.title || cell.scenario),
      h("p", { class: "id" }, [cell.area, cell.scenario].join(" / ")),
      h("p", { class: "pair" }, `${cell.client} × ${cell.server}`),
      h("div", { class: `result t-${cell.verdict[2]}` }, verdict(cell.verdict), cell.reason ? h("p", {}, h("bdi", {}, cell.reason)) : null),
      facts(cell), ...again(cell), ...checks(cell),
      ...(evidence ? [...timeline(evidence.timeline), ...snapshots(evidence.snapshots), ...logs(evidence.logs, wrong), ...files(evidence)] : []),
      ...(cell.notes.length ? section("Notes", ...cell.notes.map((note) => h("p", { class: "note" }, h("bdi", {}, note)))) : []),
    ].filter((child) => child !== null));
    panel.hidden = false;
    panel.scrollTop = 0;
    mark();
  };

  const mark = () => {
    for (const button of all("#matrix .cell")) {
      button.setAttribute("aria-expanded", String(Number(button.dataset.cell) === open));
    }
  };

  const close = () => {
    if (open === null) return;
    open = null;
    panel.hidden = true;
    panel.replaceChildren();
    mark();
    if (opener) opener.focus();
  };

  // Through the visible, matching cells, in the order of the matrix.
  const step = (by) => {
    const order = all("#matrix .cell:not(.faded)").filter((button) => !button.closest("[hidden]")).map((button) => Number(button.dataset.cell));
    if (order.length === 0) return;
    const at = order.indexOf(open);
    show(order[at < 0 ? 0 : (at + by + order.length) % order.length]);
    save();
  };

  // ---- wiring

  main.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.cell) {
      opener = button;
      if (Number(button.dataset.cell) === open) close();
      else { show(Number(button.dataset.cell)); panel.focus({ preventScroll: true }); }
      save();
    } else if (button.dataset.verdict) {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      changed();
    } else if (button.dataset.copy) {
      copy($(button.dataset.copy).textContent, button);
    } else if (button.id === "clear") {
      for (const other of all(".verdict")) other.setAttribute("aria-pressed", "false");
      for (const name of choices) $(name).value = "";
      changed();
    }
  });
  for (const name of choices) $(name).addEventListener("input", changed);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open !== null) { close(); save(); }
  });
  window.addEventListener("hashchange", load);
  mark();
  load();
})();
