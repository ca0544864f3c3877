"use strict";
const at = (id) => document.getElementById(id);
let rater = null, items = [], place = 0, shownAt = 0, saving = false;
const answered = [];  // places in the order of answering, the last one last

function say(trouble) {
  at("trouble").hidden = !trouble;
  at("trouble").textContent = trouble || "";
}

async function begin(name) {
  const reply = await fetch("items?rater=" + encodeURIComponent(name)).catch(() => null);
  if (!reply || !reply.ok) return say(reply ? await reply.text() : "tasvir rate is not running any more: start it again");
  const told = await reply.json();
  rater = told.rater;
  items = told.items;
  say("");
  at("who").textContent = rater;
  place = items.findIndex((item) => item.value === null);
  show();
}

function show() {
  const over = place < 0 || place >= items.length;
  at("asking").hidden = true;
  at("done").hidden = !over;
  at("rating").hidden = over;
  const rated = items.filter((item) => item.value !== null).length;
  at("count").textContent = rated + " of " + items.length;
  at("filled").style.width = (items.length ? 100 * rated / items.length : 0) + "%";
  if (over) return;
  const item = items[place];
  at("picture").src = "picture/" + item.id;
  at("text").textContent = item.text;
  for (const button of at("levels").children) {
    button.classList.toggle("chosen", Number(button.dataset.value) === item.value);
    button.setAttribute("aria-pressed", Number(button.dataset.value) === item.value);
  }
  shownAt = performance.now();
  const next = items.slice(place + 1).find((other) => other.value === null);
  if (next) new Image().src = "picture/" + next.id;
}

async function rate(value) {
  if (saving || at("rating").hidden) return;
  saving = true;
  const item = items[place];
  const body = JSON.stringify({ rater, id: item.id, value, seconds: (performance.now() - shownAt) / 1000 });
  const reply = await fetch("rate", { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => null);
  saving = false;
  if (!reply || !reply.ok) return say("Not kept: " + (reply ? await reply.text() : "tasvir rate is not running any more; start it again and open its new address"));
  say("");
  item.value = value;
  answered.push(item);
  onward();
}

function onward() {
  const later = items.findIndex((item, index) => index > place && item.value === null);
  place = later >= 0 ? later : items.findIndex((item) => item.value === null);
  show();
}

const moves = {
  back() { place = place < 0 ? items.length - 1 : Math.max(place - 1, 0); show(); },
  on() { if (place >= 0) { place = Math.min(place + 1, items.length - 1); show(); } },
  undo() {
    const item = answered.pop();
    if (item) { place = items.indexOf(item); show(); }
  },
  skip() {
    if (place < 0 || items[place].value !== null) return onward();
    const waiting = items.filter((item) => item.value === null).length;
    if (waiting > 1) { items.push(items.splice(place, 1)[0]); }
    if (place >= items.length || items[place].value !== null) return onward();
    show();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target === at("name")) return;
  const move = { ArrowLeft: "back", ArrowRight: "on", u: "undo", s: "skip" }[event.key];
  if (/^[1-5]$/.test(event.key)) rate(Number(event.key));
  else if (move) moves[move]();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.value) rate(Number(button.dataset.value));
  if (button.dataset.do) moves[button.dataset.do]();
  button.blur();
});
at("naming").addEventListener("submit", (event) => { event.preventDefault(); begin(at("name").value); });
if (given) begin(given);
else { at("asking").hidden = false; at("name").focus(); }
