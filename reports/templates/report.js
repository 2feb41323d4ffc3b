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
  let wanted = null; // the frame that the address names

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

  const state = (frame) => {
    const chosen = filter();
    const state = new URLSearchParams();
    if (chosen.verdicts.length) state.set("verdict", chosen.verdicts.join(","));
    for (const name of choices) if (chosen[name]) state.set(name, chosen[name]);
    if (open !== null) state.set("cell", cells[open].key);
    if (open !== null && frame !== null) state.set("frame", frame);
    return state.toString();
  };

  const save = () => {
    const now = state(wanted);
    history.replaceState(null, "", now ? `#${now}` : location.pathname + location.search);
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
    if (index >= 0) show(index, Number(state.get("frame")) || null); else close();
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

  // A link to an arrow of the diagram. What is filtered when it is followed stays filtered.
  const arrow = (frame) => {
    const link = h("a", { class: "arrow", href: `#${state(frame)}` }, `show frame ${frame}`);
    link.addEventListener("click", () => {
      link.hash = state(frame);
      if (location.hash === link.hash) load();
    });
    return link;
  };

  const checks = (cell) => cell.checks.length === 0 ? [] : section("Checks",
    h("table", { class: "checks" }, h("tbody", {}, cell.checks.map((check) => h("tr", {},
      h("td", {}, verdict(check.verdict)), h("td", {}, h("code", {}, check.id)),
      h("td", {}, h("bdi", {}, check.message),
        check.frame ? [" ", arrow(check.frame)] : null,
        check.more ? h("pre", {}, check.more.join("\n")) : null))))));

  // ---- the ladder diagram; it is drawn already, and only copied, moved, hidden and scaled here

  const kindOf = (row) => ["mark", "more"].find((kind) => row.classList.contains(kind)) || "line";
  const heightOf = (svg, row) => Number(svg.dataset[kindOf(row)]);
  // The switches that show a row.
  const switchesOf = (row) => {
    const view = row.dataset.view || "outer-flow";
    return { mark: [], more: [view, "more"], line: [view] }[kindOf(row)];
  };

  // Where a frame is: the line that begins with it, else the shortest one that it is folded into.
  const rowOf = (svg, frame) => {
    const last = (row) => Number(row.dataset.last || row.dataset.frame);
    const around = all(".row[data-frame]", svg).filter((row) => Number(row.dataset.frame) <= frame && frame <= last(row));
    const length = (row) => row.classList.contains("hit") ? -2 : Number(row.dataset.frame) === frame ? -1 : last(row) - Number(row.dataset.frame);
    return around.sort((a, b) => length(a) - length(b))[0] || null;
  };

  // Rows of some views leave, the others close up; long pauses between those that stay become breaks.
  const arrange = (svg, shown) => {
    const drawn = (name, attributes, ...children) => {
      const element = document.createElementNS(svg.namespaceURI, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      element.append(...children);
      return element;
    };
    const [, , width] = svg.getAttribute("viewBox").split(" ").map(Number);
    const rows = all(".row", svg);
    const tops = [];
    let y = Number(svg.dataset.top);
    let last = null;
    for (const old of all(".break", svg)) old.remove();
    for (const row of rows) {
      const stays = switchesOf(row).every((name) => shown.has(name));
      row.toggleAttribute("hidden", !stays);
      if (stays && row.dataset.at) {
        const pause = last === null ? 0 : row.dataset.at - last;
        if (pause >= svg.dataset.pause) {
          rows[0].before(drawn("g", { class: "break", transform: `translate(0 ${y})` },
            drawn("rect", { x: 0, y: 3, width, height: svg.dataset.break - 6 }),
            drawn("text", { x: svg.dataset.middle, y: 16 }, `${(Math.floor(pause / 100) / 10).toFixed(1)} s later`)));
          y += Number(svg.dataset.break);
        }
        last = row.dataset.at;
      }
      row.setAttribute("transform", `translate(0 ${y})`);
      tops.push(y);
      if (stays) y += heightOf(svg, row);
    }
    const height = y + Number(svg.dataset.bottom);
    for (const band of all(".band", svg)) {
      const end = band.dataset.to === undefined ? height : tops[band.dataset.to] + heightOf(svg, rows[band.dataset.to]);
      for (const rect of all("rect", band)) {
        rect.setAttribute("y", tops[band.dataset.from]);
        rect.setAttribute("height", end - tops[band.dataset.from]);
      }
    }
    for (const lane of all(".lane", svg)) lane.setAttribute("y2", height);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return [width, height];
  };

  const ladder = (svg, trace) => {
    const box = h("div", { class: "ladder-box", tabindex: "0", role: "region", "aria-label": "ladder diagram" });
    const heads = svg.querySelector(".heads");
    const shown = new Set(trace.views.filter(([, , first]) => first).map(([view]) => view));
    let size = svg.getAttribute("viewBox").split(" ").slice(2).map(Number);
    let zoom = 1;
    const within = (low, value, high) => Math.min(high, Math.max(low, value));
    // The names of the hosts stay in sight.
    const hold = () => heads.setAttribute("transform", `translate(0 ${box.scrollTop / zoom})`);
    const scale = (to) => {
      const middle = (box.scrollTop + box.clientHeight / 2) / zoom;
      zoom = within(0.4, to, 3);
      svg.setAttribute("width", Math.round(size[0] * zoom));
      svg.setAttribute("height", Math.round(size[1] * zoom));
      box.scrollTop = middle * zoom - box.clientHeight / 2;
      hold();
    };
    const fit = () => scale(within(0.75, (box.clientWidth - 1) / size[0], 1.15));
    const centre = (row) => {
      const [inner, outer] = [row.querySelector("path, text").getBoundingClientRect(), box.getBoundingClientRect()];
      box.scrollTop += inner.top + inner.height / 2 - outer.top - box.clientHeight / 2;
      box.scrollLeft += Math.max(0, inner.right + 30 - outer.right);
      hold();
    };
    const look = (frame, closer) => {
      const row = rowOf(svg, frame);
      for (const old of all(".looked-at", svg)) old.classList.remove("looked-at");
      if (!row) return;
      const off = all("input", views).filter((input) => !input.checked && switchesOf(row).includes(input.value));
      for (const input of off) input.click();
      row.classList.toggle("looked-at", !row.classList.contains("hit"));
      if (closer) scale(Math.max(zoom, 1.3));
      centre(row);
    };
    const choose = (view, on) => {
      if (on) shown.add(view); else shown.delete(view);
      // What one looks at stays where it is.
      const top = (row) => row.getBoundingClientRect().top - box.getBoundingClientRect().top;
      const below = all(".row:not([hidden])", svg).map((row) => [row, top(row)]).filter(([, at]) => at >= 0);
      size = arrange(svg, shown);
      scale(zoom);
      const [row, at] = below.find(([row]) => !row.hasAttribute("hidden")) || [];
      if (row) box.scrollTop += top(row) - at;
    };
    const views = h("span", { role: "group", "aria-label": "views" }, trace.views.map(([view, words, first]) =>
      h("label", {}, h("input", { type: "checkbox", value: view, checked: first, change: (event) => choose(view, event.target.checked) }), words)));
    const button = (label, words, click) => h("button", { type: "button", "aria-label": words, title: words, click }, label);
    box.append(svg);
    box.addEventListener("scroll", hold);
    return {
      look, fit,
      parts: [
        h("div", { class: "ladder-bar" }, views, h("span", { role: "group", "aria-label": "zoom" },
          button("−", "smaller", () => scale(zoom / 1.25)), button("+", "larger", () => scale(zoom * 1.25)),
          button("fit", "as wide as the panel", fit),
          trace.frame ? button("failing packet", "zoom to the failing packet", () => look(trace.frame, true)) : null)),
        h("p", { class: "ladder-legend" }, trace.layers.map(([layer, words]) => h("span", { class: layer }, words)),
          svg.querySelector(".band") ? h("span", { class: "fault" }, "fault") : null,
          trace.frame ? h("span", { class: "hit" }, "failing packet") : null),
        box,
      ],
    };
  };

  // What is folded costs nothing until somebody opens it.
  const trace = (cell, index, wrong) => {
    const found = cell.trace;
    if (!found) return [[], () => {}];
    const text = found.text && cell.evidence
      ? h("p", { class: "note" }, "as text: ", h("a", { href: `${cell.evidence.folder}/trace.txt` }, "trace.txt")) : null;
    const notes = (found.notes || []).map((note) => h("p", { class: "note" }, h("bdi", {}, note)));
    const template = $(`ladder-${index}`);
    if (!template) {
      const why = "The diagram is left out to keep the page small; cells that need attention come first.";
      return [section("Trace", h("p", { class: "note" }, why), text), () => {}];
    }
    const unfold = wrong || wanted !== null;
    const place = h("div", {});
    const details = h("details", { class: "trace", open: unfold }, h("summary", {}, "Ladder diagram ", h("span", { class: "soft" }, found.summary)), place);
    let made = null;
    const fill = () => {
      if (made || !details.open) return;
      made = ladder(template.content.firstElementChild.cloneNode(true), found);
      place.append(...made.parts);
      made.fit();
      if (wanted ?? found.frame) made.look(wanted ?? found.frame, false);
    };
    details.addEventListener("toggle", fill);
    return [section("Trace", details, notes, text), () => {
      fill();
      if (wanted !== null) details.scrollIntoView({ block: "start" });
    }];
  };

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
    ...evidence.files.map((file) => [h("a", { href: file.href || `${evidence.folder}/${file.name}` }, file.name), h("code", {}, file.size)])]));

  const again = (cell) => {
    if (!cell.reproduce) return [];
    const button = h("button", { type: "button", class: "copy", click: () => copy(cell.reproduce, button) }, "copy");
    const words = cell.reproduce.split(" ").flatMap((word) => [h("span", { class: "word" }, word), " "]);
    return section("Run again", h("div", { class: "command" }, h("code", {}, words), button));
  };

  const show = (index, frame = null) => {
    const cell = cells[index];
    const evidence = cell.evidence;
    const wrong = !["good", "quiet"].includes(cell.verdict[2]);
    open = index;
    wanted = frame;
    const [drawing, drawn] = trace(cell, index, wrong);
    panel.replaceChildren(...[
      h("div", { class: "bar" },
        h("button", { type: "button", click: () => step(-1), "aria-label": "previous cell" }, "previous"),
        h("button", { type: "button", click: () => step(1), "aria-label": "next cell" }, "next"),
        h("button", { type: "button", click: () => { close(); save(); }, "aria-label": "close the detail" }, "close")),
      h("h2", { id: "detail-title" }, cell.title || cell.scenario),
      h("p", { class: "id" }, [cell.area, cell.scenario].join(" / ")),
      h("p", { class: "pair" }, `${cell.client} × ${cell.server}`),
      h("div", { class: `result t-${cell.verdict[2]}` }, verdict(cell.verdict), cell.reason ? h("p", {}, h("bdi", {}, cell.reason)) : null),
      facts(cell), ...again(cell), ...checks(cell), ...drawing,
      ...(evidence ? [...timeline(evidence.timeline), ...snapshots(evidence.snapshots), ...logs(evidence.logs, wrong), ...files(evidence)] : []),
      ...(cell.notes.length ? section("Notes", ...cell.notes.map((note) => h("p", { class: "note" }, h("bdi", {}, note)))) : []),
    ].filter((child) => child !== null));
    panel.hidden = false;
    panel.scrollTop = 0;
    drawn();
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
    wanted = null;
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
