"use strict";
// Works from file://. Everything is on the page already; this only filters, points and moves. Text is only ever set as text.
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const columns = JSON.parse($("data").textContent);
  const main = $("main");
  const pop = $("pop");
  document.documentElement.classList.add("scripted");
  const choices = ["area", "client", "server", "release", "text"].filter((name) => $(name));
  const switches = ["differ", "changed"].filter((name) => $(name));

  // ---- what is there

  const rows = all("#matrix .row").map((element) => {
    const heading = element.firstElementChild;
    const area = element.parentElement.querySelector(".area span").textContent;
    const label = heading.textContent.trim().replace(/\s+/g, " ");
    const about = `${area}\n${label}\n${heading.title}`.toLowerCase();
    const row = { element, area, label, cells: [] };
    [...element.children].slice(1).forEach((place, column) => {
      const sign = place.firstElementChild;
      if (!sign) { row.cells.push({ place, sign: null }); return; }
      const verdict = sign.getAttribute("aria-label");
      const told = sign.title.slice(verdict.length + 2);
      // The page shows it better than the browser does.
      sign.removeAttribute("title");
      sign.tabIndex = -1;
      const href = sign.getAttribute("href");
      const text = `${about}\n${verdict}\n${told}\n${columns[column].label}\n${href ? decodeURIComponent(href) : ""}`.toLowerCase();
      row.cells.push({ place, sign, verdict, told, text, row, column, since: sign.dataset.since || "" });
    });
    return row;
  });
  const cells = rows.flatMap((row) => row.cells.filter((cell) => cell.sign));
  const ofSign = new Map(cells.map((cell) => [cell.sign, cell]));
  const headings = all("#matrix thead [data-from]").map((element) =>
    ({ element, from: Number(element.dataset.from), span: Number(element.dataset.span) }));

  // ---- filters; the state is in the address, so that it can be sent to somebody

  const filter = () => ({
    verdicts: all(".verdict[aria-pressed=true]").map((button) => button.dataset.verdict),
    pairs: all(".score[aria-pressed=true]").map((button) => Number(button.dataset.column)),
    ...Object.fromEntries(choices.map((name) => [name, $(name).value])),
    ...Object.fromEntries(switches.map((name) => [name, $(name).checked])),
  });

  const inColumn = (column, index, wanted) =>
    (!wanted.client || column.client === wanted.client || column.family[0] === wanted.client)
    && (!wanted.server || column.server === wanted.server || column.family[1] === wanted.server)
    && (!wanted.release || column.releases.includes(wanted.release))
    && (wanted.pairs.length === 0 || wanted.pairs.includes(index));

  // Whether two versions of the same peers came out differently, among the cells that are looked at.
  const differs = (row, open) => {
    const seen = new Map();
    return row.cells.some((cell, index) => {
      if (!cell.sign || !open[index]) return false;
      const family = columns[index].family.join("\n");
      if (!seen.has(family)) seen.set(family, cell.verdict);
      return seen.get(family) !== cell.verdict;
    });
  };

  const apply = () => {
    hide();
    const wanted = filter();
    const any = wanted.verdicts.length > 0 || wanted.pairs.length > 0
      || choices.some((name) => wanted[name]) || switches.some((name) => wanted[name]);
    const words = (wanted.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    const open = columns.map((column, index) => inColumn(column, index, wanted));
    const hit = (cell) => open[cell.column]
      && (wanted.verdicts.length === 0 || wanted.verdicts.includes(cell.verdict))
      && (!wanted.changed || cell.since !== "")
      && words.every((word) => cell.text.includes(word));
    const used = columns.map(() => false);
    let count = 0;
    for (const row of rows) {
      let shown = false;
      const looked = (!wanted.area || row.area === wanted.area) && (!wanted.differ || differs(row, open));
      for (const cell of row.cells) {
        if (!cell.sign) continue;
        cell.hit = looked && hit(cell);
        cell.sign.classList.toggle("faded", !cell.hit);
        if (cell.hit) { shown = true; used[cell.column] = true; count += 1; }
      }
      row.element.hidden = !shown;
    }
    rows.forEach((row) => {
      if (!row.element.hidden) row.cells.forEach((cell, index) => { cell.place.hidden = any && !used[index]; });
    });
    for (const { element, from, span } of headings) {
      const left = used.slice(from, from + span).filter((is) => is || !any).length;
      element.hidden = left === 0;
      element.colSpan = Math.max(1, left);
    }
    for (const body of all("#matrix tbody")) body.hidden = !body.querySelector(".row:not([hidden])");
    $("shown").textContent = any ? `${count} of ${cells.length} cells` : "";
    const first = cells.find((cell) => cell.hit && cell.sign.tabIndex === 0) || cells.find((cell) => cell.hit);
    rove(first, false);
  };

  const save = () => {
    const chosen = filter();
    const state = new URLSearchParams();
    if (chosen.verdicts.length) state.set("verdict", chosen.verdicts.join(","));
    if (chosen.pairs.length) state.set("pair", chosen.pairs.map((index) => `${columns[index].client}+${columns[index].server}`).join(","));
    for (const name of choices) if (chosen[name]) state.set(name, chosen[name]);
    for (const name of switches) if (chosen[name]) state.set(name, "yes");
    const now = state.toString();
    history.replaceState(null, "", now ? `#${now}` : location.pathname + location.search);
  };

  const press = (button, on) => button.setAttribute("aria-pressed", String(on));

  const load = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    const verdicts = (state.get("verdict") || "").split(",");
    const pairs = (state.get("pair") || "").split(",");
    for (const button of all(".verdict")) press(button, verdicts.includes(button.dataset.verdict));
    for (const button of all(".score")) {
      const column = columns[button.dataset.column];
      press(button, pairs.includes(`${column.client}+${column.server}`));
    }
    for (const name of choices) $(name).value = state.get(name) || "";
    for (const name of switches) $(name).checked = state.has(name);
    apply();
  };

  const changed = () => { apply(); save(); };

  // ---- what is said of a cell, beside it

  let shown = null;
  let timer = 0;

  const line = (kind, text) => {
    const element = document.createElement("p");
    element.className = kind;
    element.textContent = text;
    return element;
  };

  const tell = (cell) => {
    clearTimeout(timer);
    if (shown === cell) return;
    hide();
    shown = cell;
    cell.sign.classList.add("shown");
    const tone = [...cell.sign.classList].find((name) => name.startsWith("t-"));
    const parts = [
      line(`what ${tone}`, `${cell.sign.textContent.trim().slice(0, 1)} ${cell.verdict}`),
      line("", cell.row.label), line("soft", columns[cell.column].label), line("told", cell.told),
    ];
    if (cell.since) parts.push(line("since", cell.since));
    if (cell.sign.href) {
      const link = document.createElement("a");
      link.href = cell.sign.href;
      link.textContent = "evidence";
      link.tabIndex = -1;
      parts.push(line("", ""));
      parts[parts.length - 1].append(link);
    }
    pop.replaceChildren(...parts);
    pop.hidden = false;
    const at = cell.sign.getBoundingClientRect();
    const [wide, high] = [pop.offsetWidth, pop.offsetHeight];
    const left = Math.min(Math.max(8, at.left), innerWidth - wide - 8);
    const below = at.bottom + 4 + high <= innerHeight;
    pop.style.left = `${Math.max(8, left)}px`;
    pop.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - high - 4)}px`;
  };

  const hide = () => {
    clearTimeout(timer);
    if (shown) shown.sign.classList.remove("shown");
    shown = null;
    pop.hidden = true;
  };

  const later = (action, delay) => { clearTimeout(timer); timer = setTimeout(action, delay); };
  const cellOf = (event) => ofSign.get(event.target.closest && event.target.closest(".c"));

  // ---- the arrow keys go from cell to cell; the tab key leaves the matrix

  const rove = (cell, focus) => {
    for (const other of cells) if (other.sign.tabIndex === 0 && other !== cell) other.sign.tabIndex = -1;
    if (!cell) return;
    cell.sign.tabIndex = 0;
    if (focus) cell.sign.focus();
  };

  const beside = (cell, down, right) => {
    const visible = rows.filter((row) => !row.element.hidden);
    const ok = (other) => other && other.sign && !other.place.hidden;
    let [y, x] = [visible.indexOf(cell.row), cell.column];
    for (let steps = 0; steps < visible.length + columns.length; steps += 1) {
      [y, x] = [y + down, x + right];
      if (y < 0 || x < 0 || y >= visible.length || x >= columns.length) return null;
      if (ok(visible[y].cells[x])) return visible[y].cells[x];
    }
    return null;
  };

  // ---- wiring

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };

  main.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.verdict || button.dataset.column) {
      press(button, button.getAttribute("aria-pressed") !== "true");
      changed();
    } else if (button.dataset.copy) {
      copy($(button.dataset.copy).textContent.trim(), button);
    } else if (button.id === "clear") {
      for (const other of all(".verdict, .score")) press(other, false);
      for (const name of choices) $(name).value = "";
      for (const name of switches) $(name).checked = false;
      changed();
    }
  });
  for (const name of [...choices, ...switches]) $(name).addEventListener("input", changed);

  const matrix = $("matrix");
  if (matrix) {
    matrix.addEventListener("mouseover", (event) => {
      const cell = cellOf(event);
      if (cell) later(() => tell(cell), 60);
    });
    matrix.addEventListener("mouseout", (event) => { if (cellOf(event)) later(hide, 200); });
    pop.addEventListener("mouseenter", () => clearTimeout(timer));
    pop.addEventListener("mouseleave", () => later(hide, 200));
    matrix.addEventListener("focusin", (event) => {
      const cell = cellOf(event);
      if (cell) { rove(cell, false); tell(cell); }
    });
    matrix.addEventListener("focusout", () => later(hide, 200));
    // A finger cannot point: the first touch tells, and the text has the link.
    let touched = false;
    matrix.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; });
    matrix.addEventListener("click", (event) => {
      const cell = cellOf(event);
      if (cell && (touched || !cell.sign.href)) { event.preventDefault(); tell(cell); }
    });
    matrix.addEventListener("keydown", (event) => {
      const cell = cellOf(event);
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!cell || !way || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      rove(beside(cell, ...way) || cell, true);
    });
    matrix.parentElement.addEventListener("scroll", () => { if (shown && shown.sign !== document.activeElement) hide(); });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("pointerdown", (event) => { if (!cellOf(event) && !pop.contains(event.target)) hide(); });
  window.addEventListener("hashchange", load);
  load();
})();
