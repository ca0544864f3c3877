"use strict";
// The matrix of pictures: chooses, filters, sorts and shows rows as one scrolls. Texts become text nodes, never markup.
(() => {
  const all = JSON.parse(document.getElementById("data").textContent);
  const words = all.texts;
  const form = document.getElementById("choices");
  const field = (name) => form.elements.namedItem(name);
  const PAGE = 24;
  const COLORS = ["#1d4ed8", "#c2410c", "#15803d", "#a21caf", "#b91c1c", "#0f766e", "#854d0e", "#4338ca"];
  const cells = new Map();
  for (const cell of all.cells) cells.set([cell.p, cell.m, cell.k, cell.e].join(), cell);

  const make = (tag, name, ...inside) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...inside.filter((part) => part !== null && part !== ""));
    return element;
  };
  const decimal = (value, digits) => (value < 0 ? "\u2212" : "") + Math.abs(value).toFixed(digits).replace(".", all.point);
  const fill = (text, places) => text.replace(/\{(\w+)\}/g, (_, name) => places[name]);
  const fillSelect = (name, labels, hideOne) => {
    const select = field(name);
    select.replaceChildren(...labels.map(([value, label]) => new Option(label, value)));
    if (hideOne && labels.length < 2) select.closest("label").hidden = true;
  };

  const unique = (values) => [...new Set(values)];
  fillSelect("suite", all.suites.map((name, index) => [index, name]), true);
  fillSelect("setting", all.settings.map((name, index) => [index, name || words.usual]), true);
  fillSelect("seed", unique(all.cells.map((cell) => cell.e)).sort((a, b) => a - b).map((seed) => [seed, seed]), true);
  fillSelect("metric", all.metrics.map((metric, index) => [index, metric.name]), false);
  fillSelect("first", all.models.map((model, index) => [index, model.name]), false);
  fillSelect("second", all.models.map((model, index) => [index, model.name]), false);
  if (all.models.length > 1) field("second").value = "1";
  field("setting").value = String(all.settings.length - 1);

  const metric = () => all.metrics[Number(field("metric").value)];
  const score = (cell) => (cell && metric() ? cell.s[Number(field("metric").value)] : null);
  const at = (prompt, model) => cells.get([prompt, model, field("setting").value, field("seed").value].join());
  const isRight = (value) => {
    const limit = Number(field("right").value);
    return metric().higher ? value >= limit : value <= limit;
  };

  const suiteChanged = () => {
    const suite = Number(field("suite").value);
    const found = unique(all.prompts.filter((prompt) => prompt.s === suite).map((prompt) => prompt.c)).filter((name) => name);
    fillSelect("category", [["", words.all], ...found.map((name) => [name, name])], false);
    field("category").closest("label").hidden = found.length < 2;
  };
  const metricChanged = () => {
    field("right").value = metric() && metric().right !== null ? metric().right : "";
  };

  const chosen = () => {
    const suite = Number(field("suite").value);
    const search = field("search").value.trim().toLocaleLowerCase();
    const first = Number(field("first").value);
    const second = Number(field("second").value);
    const rows = [];
    all.prompts.forEach((prompt, index) => {
      if (prompt.s !== suite) return;
      if (field("category").value && prompt.c !== field("category").value) return;
      if (search && !(prompt.text + " " + prompt.id).toLocaleLowerCase().includes(search)) return;
      const a = score(at(index, first));
      const b = score(at(index, second));
      if (field("wrong").checked && !(a !== null && b !== null && isRight(a) && !isRight(b))) return;
      rows.push({ index, a, b, difference: a === null || b === null ? null : a - b });
    });
    const key = { first: "a", second: "b", difference: "difference" }[field("sort").value];
    if (key) {
      const turn = metric() && !metric().higher ? -1 : 1;
      rows.sort((one, other) => {
        if (one[key] === null || other[key] === null) return (one[key] === null) - (other[key] === null);
        return turn * (other[key] - one[key]);
      });
    }
    return rows;
  };

  const boxesOf = (cell) => {
    const layout = cell.y && cell.y.layout;
    if (!layout || !Array.isArray(layout.things)) return null;
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", "boxes");
    svg.setAttribute("viewBox", "0 0 1000 1000");
    svg.setAttribute("preserveAspectRatio", "none");
    layout.things.forEach((thing, index) => {
      const [x0, y0, x1, y1] = thing.box.map((side) => side * 1000);
      const color = COLORS[index % COLORS.length];
      const put = (tag, attributes) => {
        const element = document.createElementNS(space, tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        svg.append(element);
        return element;
      };
      put("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: 8, fill: color, stroke: color });
      const label = String(thing.phrase).slice(0, 30);
      const width = Math.min(label.length * 24 + 20, 1000);
      const left = Math.max(0, Math.min(x0, 1000 - width));
      put("rect", { x: left, y: y0, width, height: 58, fill: color, stroke: "none" }).style.fillOpacity = 1;
      const text = put("text", { x: left + 10, y: y0 + 44, textLength: width - 20, lengthAdjust: "spacingAndGlyphs" });
      text.textContent = label;
    });
    return svg;
  };

  const square = (row, model) => {
    const cell = at(row.index, model);
    if (!cell) return make("div", "square", make("div", "missing", words.not_asked));
    const inside = [];
    if (cell.i < 0) {
      inside.push(make("div", "missing", cell.r || words.no_reason));
    } else {
      const picture = make("img");
      picture.loading = "lazy";
      picture.decoding = "async";
      picture.alt = all.prompts[row.index].text;
      picture.addEventListener("load", () => shot.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight));
      const shot = make("button", "shot", picture);
      shot.type = "button";
      picture.src = all.pictures[cell.i][0];
      if (field("boxes").checked) shot.append(boxesOf(cell) || "");
      shot.addEventListener("click", () => open(row.index, model));
      inside.push(shot);
      if (cell.y && cell.y.blocked) inside.push(make("small", "wrong", words.blocked));
    }
    all.metrics.forEach((one, index) => {
      if (!(index in cell.s)) return;
      const value = cell.s[index];
      const mine = one === metric();
      const text = value === null ? "\u2013" : decimal(value, one.digits);
      if (mine) inside.push(make("b", value === null ? "" : isRight(value) ? "right" : "wrong", text));
      if (mine && cell.w[index]) inside.push(make("small", "why", cell.w[index]));
      if (!mine && all.metrics.length <= 4) inside.push(make("small", "", one.name + " " + text));
    });
    return make("div", "square", ...inside);
  };

  const rowOf = (row) => {
    const prompt = all.prompts[row.index];
    const told = [prompt.c, row.difference === null || all.models.length < 2 ? "" : "A \u2212 B " + decimal(row.difference, metric().digits)];
    const text = make("div", "text", prompt.text, make("small", "", told.filter((part) => part).join(" \u00b7 ")));
    return make("div", "row", text, ...all.models.map((_, model) => square(row, model)));
  };

  let rows = [];
  let shown = 0;
  const list = document.getElementById("rows");
  const more = () => {
    list.append(...rows.slice(shown, shown + PAGE).map(rowOf));
    shown = Math.min(shown + PAGE, rows.length);
  };
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) fillScreen();
  }, { rootMargin: "600px" });
  const end = document.getElementById("end");
  const fillScreen = () => {
    if (shown >= rows.length) return;
    more();
    watcher.unobserve(end);
    watcher.observe(end);
  };
  const redraw = () => {
    rows = chosen();
    shown = 0;
    list.replaceChildren();
    more();
    const whole = all.prompts.filter((prompt) => prompt.s === Number(field("suite").value)).length;
    document.getElementById("told").textContent = fill(words.told, { count: rows.length, whole });
    document.getElementById("empty").hidden = rows.length > 0;
    watcher.unobserve(end);
    watcher.observe(end);
  };

  const dialog = document.getElementById("big");
  let here = null;
  const scoresOf = (cell) => {
    const table = make("table", "");
    all.metrics.forEach((one, index) => {
      const value = cell.s[index];
      const text = value === null || value === undefined ? "\u2013" : decimal(value, one.digits);
      table.append(make("tr", "", make("th", "", one.name), make("td", "number", text), make("td", "", cell.w[index] || "")));
    });
    return table;
  };
  const open = (prompt, model) => {
    const cell = at(prompt, model);
    here = { prompt, model };
    const large = make("div", "large");
    const whole = make("div", "whole");
    if (cell.i < 0) {
      whole.append(make("div", "missing", cell.r || words.no_reason));
    } else {
      const picture = make("img");
      picture.alt = all.prompts[prompt].text;
      picture.addEventListener("error", () => { picture.src = all.pictures[cell.i][0]; }, { once: true });
      picture.src = all.pictures[cell.i][1] || all.pictures[cell.i][0];
      whole.append(picture);
      if (field("boxes").checked) whole.append(boxesOf(cell) || "");
    }
    const facts = [words.seed + " " + cell.e, all.settings[cell.k], cell.t === null ? "" : decimal(cell.t, 2) + " " + all.second];
    const turn = (step, label) => {
      const button = make("button", "", label);
      button.type = "button";
      button.disabled = !at(prompt, model + step);
      button.addEventListener("click", () => open(prompt, model + step));
      return button;
    };
    const turns = make("div", "turns", turn(-1, "\u2190"), turn(1, "\u2192"));
    const side = make("div", "", make("h4", "", all.models[model].name), make("p", "", all.prompts[prompt].text), make("p", "note", facts.filter((part) => part).join(" \u00b7 ")), scoresOf(cell), turns);
    if (cell.i >= 0 && all.pictures[cell.i][1]) {
      const link = make("a", "", words.whole);
      link.href = all.pictures[cell.i][1];
      side.append(make("p", "", link));
    }
    if (cell.y && Object.keys(cell.y).length) {
      side.append(make("details", "", make("summary", "", words.story), make("pre", "", JSON.stringify(cell.y, null, 1))));
    }
    large.append(whole, side);
    document.getElementById("large").replaceChildren(large);
    if (!dialog.open) dialog.showModal();
  };
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && here && at(here.prompt, here.model + step)) open(here.prompt, here.model + step);
  });

  const page = document.getElementById("matrix");
  page.hidden = false;
  page.style.setProperty("--models", String(Math.max(all.models.length, 1)));
  document.getElementById("heads").append(make("span", ""), ...all.models.map((model) => make("span", "", model.name)));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "suite") suiteChanged();
    if (event.target.name === "metric") metricChanged();
    redraw();
  });
  suiteChanged();
  metricChanged();
  redraw();
})();
