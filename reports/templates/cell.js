"use strict";
// Works from file://. Everything is on the page already; this copies commands, and moves, hides and scales the diagram.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");

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
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", () => copy(document.getElementById(button.dataset.copy).textContent.trim().replace(/\s+/g, " "), button));
  }

  // ---- the ladder diagram

  const details = document.querySelector(".trace");
  if (!details) return;
  const svg = details.querySelector("svg");
  const box = details.querySelector(".ladder-box");
  const inputs = all("input", details);
  const kindOf = (row) => ["mark", "more"].find((kind) => row.classList.contains(kind)) || "line";
  const heightOf = (row) => Number(svg.dataset[kindOf(row)]);
  // The switches that show a row.
  const switchesOf = (row) => {
    const view = row.dataset.view || "outer-flow";
    return { mark: [], more: [view, "more"], line: [view] }[kindOf(row)];
  };

  // Where a frame is: the line that begins with it, else the shortest one that it is folded into.
  const rowOf = (frame) => {
    const last = (row) => Number(row.dataset.last || row.dataset.frame);
    const around = all(".row[data-frame]", svg).filter((row) => Number(row.dataset.frame) <= frame && frame <= last(row));
    const length = (row) => row.classList.contains("hit") ? -2 : Number(row.dataset.frame) === frame ? -1 : last(row) - Number(row.dataset.frame);
    return around.sort((a, b) => length(a) - length(b))[0] || null;
  };

  // Rows of some views leave, the others close up; long pauses between those that stay become breaks.
  const arrange = (shown) => {
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
      if (stays) y += heightOf(row);
    }
    const height = y + Number(svg.dataset.bottom);
    for (const band of all(".band", svg)) {
      const end = band.dataset.to === undefined ? height : tops[band.dataset.to] + heightOf(rows[band.dataset.to]);
      for (const rect of all("rect", band)) {
        rect.setAttribute("y", tops[band.dataset.from]);
        rect.setAttribute("height", end - tops[band.dataset.from]);
      }
    }
    for (const lane of all(".lane", svg)) lane.setAttribute("y2", height);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return [width, height];
  };

  const heads = svg.querySelector(".heads");
  const shown = new Set(inputs.filter((input) => input.checked).map((input) => input.value));
  let size = svg.getAttribute("viewBox").split(" ").slice(2).map(Number);
  let zoom = 1;
  let fitted = false;
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
  const fit = () => scale(within(0.75, (details.clientWidth - 3) / size[0], 1.4));
  const centre = (row) => {
    const [inner, outer] = [row.querySelector("path, text").getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollTop += inner.top + inner.height / 2 - outer.top - box.clientHeight / 2;
    box.scrollLeft += Math.max(0, inner.right + 30 - outer.right);
    hold();
  };
  const look = (frame, closer) => {
    const row = rowOf(frame);
    for (const old of all(".looked-at", svg)) old.classList.remove("looked-at");
    if (!row) return;
    for (const input of inputs) if (!input.checked && switchesOf(row).includes(input.value)) input.click();
    row.classList.toggle("looked-at", !row.classList.contains("hit"));
    if (closer) scale(Math.max(zoom, 1.3));
    centre(row);
  };
  const choose = (view, on) => {
    if (on) shown.add(view); else shown.delete(view);
    // What one looks at stays where it is.
    const top = (row) => row.getBoundingClientRect().top - box.getBoundingClientRect().top;
    const below = all(".row:not([hidden])", svg).map((row) => [row, top(row)]).filter(([, at]) => at >= 0);
    size = arrange(shown);
    scale(zoom);
    const [row, at] = below.find(([row]) => !row.hasAttribute("hidden")) || [];
    if (row) box.scrollTop += top(row) - at;
  };

  const failing = Number(details.dataset.frame) || null;
  const wanted = () => Number(new URLSearchParams(location.hash.slice(1)).get("frame")) || null;
  // What is folded has no size to fit into until somebody opens it.
  const begin = () => {
    if (fitted || !details.open) return;
    fitted = true;
    fit();
    if (wanted() ?? failing) look(wanted() ?? failing, false);
  };
  const follow = () => {
    if (wanted() === null) return;
    details.open = true;
    begin();
    look(wanted(), false);
    details.scrollIntoView({ block: "start" });
  };
  for (const input of inputs) input.addEventListener("change", () => choose(input.value, input.checked));
  for (const button of all("[data-zoom]", details)) {
    const act = { out: () => scale(zoom / 1.25), in: () => scale(zoom * 1.25), fit, hit: () => look(failing, true) };
    button.addEventListener("click", act[button.dataset.zoom]);
  }
  for (const link of all("a.arrow")) {
    // The same link twice is no change of the address.
    link.addEventListener("click", () => { if (location.hash === link.hash) follow(); });
  }
  box.addEventListener("scroll", hold);
  details.addEventListener("toggle", begin);
  window.addEventListener("hashchange", follow);
  begin();
  follow();
})();
